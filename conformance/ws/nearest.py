"""The nearest miss: the received frame closest to an expectation that is not met.

Most failing tests fail by one letter, one type or one name. The closest frame and its
differences show which. A frame that fits in every part and still did not count is closer:
another expectation took it, or it arrived before its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from conformance.ws.content import Content, Difference, differences
from conformance.ws.frame import Frame, on_a_line

_COMPARED = 200
"""How many of the last frames are compared letter by letter, because that is slow."""


@dataclass(frozen=True, slots=True)
class Miss:
    """An expectation that was not met, and the frame closest to it."""

    expectation: str
    frame: int | None
    """The number of the closest frame; None if no message arrived."""
    at: float | None
    found: str
    differences: tuple[Difference, ...]
    reason: str
    """Why a frame without differences did not count; else empty."""
    progress: str = ""
    """How far a repetition got: `2 of 3`."""

    def text(self, since: Callable[[float], str]) -> str:
        """Render the miss for a human; `since` renders a time."""
        head = f"not met: {self.expectation}"
        if self.progress:
            head += f" ({self.progress})"
        if self.frame is None or self.at is None:
            return f"{head}\n  nothing arrived"
        lines = [head, f"  nearest: frame {self.frame} at {since(self.at)}: {self.found}"]
        if self.reason:
            lines.append(f"    it fits, but {self.reason}")
        for part in self.differences:
            remark = f" ({part.remark})" if part.remark else ""
            lines.append(f"    {part.path}: expected {part.expected}, found {part.found}{remark}")
        return "\n".join(lines)


def nearest_miss(
    expectation: Content,
    frames: Sequence[Frame],
    variables: Mapping[str, Any],
    *,
    reason: Callable[[Frame], str],
    progress: str = "",
) -> Miss:
    """Find the closest frame. `reason` says why a frame that fits did not count."""
    compared = {frame.number for frame in frames[-_COMPARED:]}

    def score(frame: Frame) -> float:
        parts = differences(expectation, frame, variables)
        return -sum(_distance(part, compare=frame.number in compared) for part in parts)

    name = str(expectation)
    if not frames:
        return Miss(name, None, None, "", (), "", progress)
    # Of equal frames the last one: it arrived when the earlier expectations were met.
    best = max(reversed(frames), key=score)
    parts = differences(expectation, best, variables)
    why = "" if parts else reason(best)
    return Miss(name, best.number, best.at, on_a_line(best.raw), parts, why, progress)


def _distance(difference: Difference, *, compare: bool) -> float:
    """A number from 0 to 1: a missing value is farther away than any other value."""
    if difference.found == "nothing":
        return 1.0
    if not compare:
        return 0.9
    return 0.9 - 0.8 * SequenceMatcher(None, difference.expected, difference.found).ratio()
