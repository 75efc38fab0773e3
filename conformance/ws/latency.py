"""Latency: how long a test waited for each expectation, in seconds.

All times are those of the transcript: the client takes them when it reads a message. While
it waits for a trigger's delay or at a barrier it reads nothing, so a latency includes that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from conformance.ws.frame import Frame
from conformance.ws.transcript import Direction, Transcript, What


@dataclass(frozen=True, slots=True)
class Match:
    """An expectation that was met: by one frame, or by several if it repeats."""

    expectation: str
    frames: tuple[Frame, ...]
    at: float
    """When the client read the last of its frames, or the frame that ended it."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """The pauses between the messages of a stream."""

    median: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Waited:
    """The times of one expectation."""

    expectation: str
    frames: int
    first: float | None
    """From the connection to its first frame; None for a stream without frames."""
    last: float
    """From the connection to the moment at which it was met."""
    round_trip: float | None
    """From the last message or request sent before its first frame to that frame."""
    rate: float | None
    """Frames per second between the first and the last; None for fewer than two."""
    gaps: Gaps | None
    """None for fewer than two frames."""


@dataclass(frozen=True, slots=True)
class Latency:
    """The times of one test."""

    connect: float | None
    """From the call to the open connection; None if it did not open."""
    first_frame: float | None
    """From the open connection to the first message."""
    expectations: tuple[Waited, ...]
    """In the order in which they were met."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that `percent` of all values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("expected at least one value, found none (percentile); pass values")
    return sorted(values)[max(ceil(len(values) * percent / 100) - 1, 0)]


def measure(transcript: Transcript, matches: Sequence[Match]) -> Latency:
    """Return the latency of a run, whether it passed or failed."""
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
    span = sum(gaps)
    return Waited(
        expectation=match.expectation,
        frames=len(times),
        first=times[0] - opened if times else None,
        last=match.at - opened,
        round_trip=first - max(before) if before else None,
        rate=len(gaps) / span if span > 0 else None,
        gaps=Gaps(*(percentile(gaps, percent) for percent in (50, 95, 99, 100))) if gaps else None,
    )
