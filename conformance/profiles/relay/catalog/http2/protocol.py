"""HTTP/2's numbers (RFC 9113), and what the scenarios check of its streams."""

from __future__ import annotations

from conformance.checks import Checks
from conformance.profiles.relay.bench import RelayBench

H2 = ("upstream=h2",)

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR = 0x0, 0x1, 0x2
REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0x7, 0x8, 0xB
"""Error codes (RFC 9113 7)."""

PING, CONTINUATION, UNKNOWN = 0x6, 0x9, 0xFA
"""Frame types (RFC 9113 6); the last one is not assigned."""


def connections(*answers: Checks) -> list[int]:
    """The connections on which the API received the requests of these answers."""
    return [entry.connection for checks in answers for entry in checks.observation.upstream]


def whole(*answers: Checks) -> None:
    """Check that each answer is complete."""
    for checks in answers:
        checks.no_error().content_as_sent().done_marker()


async def served(bench: RelayBench, *, clause: str | None = None) -> Checks:
    """Check that a fresh request gets a whole answer."""
    checks = await bench.finished(bench.exchange(pattern="short", clause=clause))
    whole(checks)
    return checks.applied("short")
