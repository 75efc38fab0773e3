"""The nearest miss: of all that arrived, what came closest to an unmet expectation.

Most failing tests fail by a letter, a type or a name. The message that comes
closest, and the parts in which it differs, say which. A message that fits in
every part and yet did not count is nearer still: another expectation took it,
or it came before its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any

from conformance.ws.frame import Frame, shown
from conformance.ws.response import Difference, WSResponse

_COMPARED = 200
"""Frames among which texts are compared letter by letter, the latest ones: that is slow."""


@dataclass(frozen=True, slots=True)
class Miss:
    """An expectation that was not met, and what came closest to it."""

    expectation: str
    frame: int | None
    """The number of the nearest frame; None where nothing arrived."""
    at: float | None
    found: str
    differences: tuple[Difference, ...]
    reason: str
    """Why a frame without differences did not count; else empty."""
    progress: str = ""
    """How far a repetition got: `2 of 3 messages`."""

    def to_json(self) -> dict[str, Any]:
        """The miss as JSON types."""
        return asdict(self)

    def text(self, since: Callable[[float], str]) -> str:
        """The miss for a human, in a few lines."""
        head = f"not met: {self.expectation}"
        if self.progress:
            head += f" ({self.progress})"
        if self.frame is None or self.at is None:
            return f"{head}\n  nothing arrived"
        lines = [head, f"  nearest: frame {self.frame} at {since(self.at)}: {self.found}"]
        if self.reason:
            lines.append(f"    it fits, but {self.reason}")
        for each in self.differences:
            remark = f" ({each.remark})" if each.remark else ""
            lines.append(f"    {each.path}: expected {each.expected}, found {each.found}{remark}")
        return "\n".join(lines)


def nearest_miss(
    expectation: WSResponse,
    frames: Sequence[Frame],
    variables: Mapping[str, Any],
    *,
    reason: Callable[[Frame], str],
    progress: str = "",
) -> Miss:
    """What came closest. `reason` says why a frame that fits did not count."""
    compared = {frame.number for frame in frames[-_COMPARED:]}

    def score(frame: Frame) -> float:
        differences = expectation.differences(frame, variables)
        return -sum(_distance(each, compare=frame.number in compared) for each in differences)

    told = str(expectation)
    if not frames:
        return Miss(told, None, None, "", (), "", progress)
    # Of equals the latest: it came when the others had been waited for.
    best = max(reversed(frames), key=score)
    differences = expectation.differences(best, variables)
    document = best.raw if isinstance(best.raw, bytes) else _line(best.raw)
    found = document if isinstance(document, str) else shown(document)
    why = "" if differences else reason(best)
    return Miss(told, best.number, best.at, found, differences, why, progress)


def _line(text: str) -> str:
    return text if len(text) <= 120 and text.isprintable() else shown(text)


def _distance(difference: Difference, *, compare: bool) -> float:
    """From 0 to 1: a value that is not there is farther than any that is another."""
    if difference.found == "nothing":
        return 1.0
    if not compare:
        return 0.9
    return 0.9 - 0.8 * SequenceMatcher(None, difference.expected, difference.found).ratio()
