"""Responses that a script frames itself, and what must follow from good and bad framing."""

from __future__ import annotations

from conformance.checks import Checks
from conformance.core.script import Script, Step, chunk, data, raw, script, write
from conformance.profiles.relay.bench import RelayBench

H1 = ("upstream=h1",)

STREAM = "text/event-stream"
CHUNKED = {"content-type": STREAM, "transfer-encoding": "chunked"}

ONE = data(chunk(content="Once"))
STOP = data(chunk(reason="stop"))
LAST = b"0\r\n\r\n"


def http_chunk(body: bytes, *, extension: bytes = b"") -> tuple[Step, ...]:
    """One chunk of the body: its size, its data, its CRLF."""
    return raw(b"%x%b\r\n" % (len(body), extension)), write(body), raw(b"\r\n")


GOOD = (*http_chunk(ONE), *http_chunk(STOP))
"""The chunks of a whole answer, without the last one."""


def wire(
    *steps: Step, headers: dict[str, str] | list[list[str]] | None = None, ending: str = "clean"
) -> Script:
    """A response that is framed by its own headers and steps, if at all."""
    return script(*steps, framing="raw", headers=headers or CHUNKED, ending=ending)


def sized(length: int | str) -> dict[str, str]:
    """Headers of an event stream of this length."""
    return {"content-type": STREAM, "content-length": str(length)}


def whole(checks: Checks) -> None:
    """Check that the answer is complete."""
    checks.no_error().content_as_sent().done_marker()


async def not_used_again(bench: RelayBench, *before: Checks) -> None:
    """Check that the next request is served, on another connection than these answers."""
    checks = await bench.respond(pattern="short", clause="U9")
    checks.content_as_sent().done_marker()
    spoilt = {entry.connection for each in before for entry in each.observation.upstream}
    for entry in checks.observation.upstream:
        bench.check(
            entry.connection not in spoilt,
            "not_used_again",
            expected="a connection with too many or too few bytes carries no other request",
            actual=f"the next request came on connection {entry.connection} as well",
            clause="U9",
        )
