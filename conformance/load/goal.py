"""A goal for each request (`--slo ttft=500ms,added_p99=20ms`), by which goodput is counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from conformance.daemon.toml_positions import nearest
from conformance.profiles.load_client import Answered

_MEASURES: dict[str, Callable[[Answered], float]] = {
    "ttft": lambda answer: answer.first,
    "e2e": lambda answer: answer.last,
    "gap_p99": lambda answer: _percentile(answer.gaps, 99),
    "gap_max": lambda answer: max(answer.gaps, default=0.0),
    "added_p50": lambda answer: _percentile(answer.added, 50),
    "added_p99": lambda answer: _percentile(answer.added, 99),
    "added_max": lambda answer: max(answer.added, default=0.0),
}

_BOUND = re.compile(r"(\w+)=(\d+(?:\.\d+)?)(ms|s)")


class GoalError(ValueError):
    """A goal that cannot be read."""


def ranked(ordered: Sequence[float], percent: float) -> float:
    """The percentile of sorted values, by nearest rank; there must be one."""
    return ordered[ceil(len(ordered) * percent / 100) - 1]


@dataclass(frozen=True, slots=True)
class Goal:
    """Upper bounds, in seconds, by the name of the measure."""

    bounds: tuple[tuple[str, float], ...]

    @classmethod
    def read(cls, text: str) -> Goal:
        """Read `ttft=500ms,added_p99=20ms`. Raises GoalError."""
        bounds = []
        for part in text.split(","):
            found = _BOUND.fullmatch(part.strip())
            if found is None:
                raise GoalError(f"expected NAME=TIME, as in ttft=500ms, found {part!r}")
            name, number, unit = found.groups()
            if name not in _MEASURES:
                valid = ", ".join(_MEASURES)
                raise GoalError(
                    f"no measure {name!r}: {nearest(name, _MEASURES)}it is one of {valid}"
                )
            bounds.append((name, float(number) / (1000 if unit == "ms" else 1)))
        return cls(tuple(bounds))

    def met(self, answer: Answered) -> bool:
        """Whether an answer keeps every bound."""
        return all(_MEASURES[name](answer) <= bound for name, bound in self.bounds)

    def __str__(self) -> str:
        return ", ".join(f"{name} <= {bound:g} s" for name, bound in self.bounds)


def _percentile(values: Sequence[float], percent: float) -> float:
    return ranked(sorted(values), percent) if values else 0.0
