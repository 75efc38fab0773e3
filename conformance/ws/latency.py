"""Latency: how long one test waited for what, in seconds.

All of it comes from the transcript's times, taken when a message was read. A
client that waits (a trigger's delay, a barrier) reads later what arrived
meanwhile, and its times say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import ceil
from typing import Any

from conformance.ws.frame import Frame
from conformance.ws.transcript import Direction, Transcript, What


@dataclass(frozen=True, slots=True)
class Match:
    """An expectation that was met, by one frame or, repeated, by several."""

    expectation: str
    frames: tuple[Frame, ...]
    at: float
    """When the last of its frames, or the one that ended it, was read."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """The pauses between the messages of a stream."""

    median: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Waited:
    """How long one expectation took."""

    expectation: str
    frames: int
    first: float | None
    """From the connection to its first frame; None where a stream had none."""
    last: float
    """From the connection to when it was met."""
    round_trip: float | None
    """From the last message or request sent before its first frame to that frame."""
    rate: float | None
    """Frames in a second, from the first to the last; None for fewer than two."""
    gaps: Gaps | None
    """None for fewer than two frames."""


@dataclass(frozen=True, slots=True)
class Latency:
    """One test's times."""

    connect: float | None
    """From the call to the open connection; None where it did not open."""
    first_frame: float | None
    """From the open connection to the first message received."""
    expectations: tuple[Waited, ...]
    """In the order in which they were met."""

    def to_json(self) -> dict[str, Any]:
        """JSON types."""
        return asdict(self)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all do not exceed (nearest rank)."""
    if not values:
        raise ValueError("percentile: expected at least one value, found none")
    return sorted(values)[max(ceil(len(values) * percent / 100) - 1, 0)]


def measure(transcript: Transcript, matches: Sequence[Match]) -> Latency:
    """The latency of a run, whatever became of it."""
    opened = transcript.opened
    if opened is None:
        return Latency(None, None, ())
    received = [
        entry.at
        for entry in transcript.entries
        if entry.direction is Direction.RECEIVED and entry.what is What.MESSAGE
    ]
    sent = [entry.at for entry in transcript.entries if entry.direction is Direction.SENT]
    return Latency(
        connect=opened - transcript.began,
        first_frame=received[0] - opened if received else None,
        expectations=tuple(_waited(match, opened, sent) for match in matches),
    )


def _waited(match: Match, opened: float, sent: Sequence[float]) -> Waited:
    times = [frame.at for frame in match.frames]
    first = times[0] if times else match.at
    before = [at for at in sent if at <= first]
    gaps = [late - early for early, late in pairwise(times)]
    span = times[-1] - times[0] if gaps else 0.0
    return Waited(
        expectation=match.expectation,
        frames=len(times),
        first=times[0] - opened if times else None,
        last=match.at - opened,
        round_trip=first - max(before) if before else None,
        rate=len(gaps) / span if span > 0 else None,
        gaps=Gaps(
            median=percentile(gaps, 50),
            p95=percentile(gaps, 95),
            p99=percentile(gaps, 99),
            longest=max(gaps),
        )
        if gaps
        else None,
    )
