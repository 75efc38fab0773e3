"""Two runs next to each other: what got worse, what got better, what appeared and what went.

A verdict is better the less it needs attention. A skip stands apart: a case that was judged
and is skipped now got worse, because the run shows less. A case that is missing from the
new run went; that is worse only where the run was cut short.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conformance.core.result import Result, Run, Verdict
from conformance.report._cause import headline
from conformance.report._printable import one_line

_RANK = {
    Verdict.PASS: 0,
    Verdict.WARN: 1,
    Verdict.KNOWN: 2,
    Verdict.SKIP: 3,
    Verdict.SURPRISE: 4,
    Verdict.ERROR: 5,
    Verdict.FAIL: 6,
}
"""A higher rank is worse. `surprise` is red: a known failure is listed that passes now."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences, in the order of the new run (`went`: of the old one)."""

    worse: tuple[tuple[Result, Result], ...]
    """The old result and the new one."""
    better: tuple[tuple[Result, Result], ...]
    appeared: tuple[Result, ...]
    went: tuple[Result, ...]
    cut_short: int = 0
    """Results that the new run should have had and does not have."""

    @property
    def regressed(self) -> bool:
        """Whether something got worse, or appeared and is red."""
        red = any(result.verdict.red for result in self.appeared)
        return bool(self.worse) or red or self.cut_short > 0


def compare(old: Run, new: Run) -> Comparison:
    """Compare two runs case by case."""
    before: Mapping[str, Result] = {result.id: result for result in old.results}
    after = {result.id for result in new.results}
    pairs = [(before[each.id], each) for each in new.results if each.id in before]
    return Comparison(
        worse=tuple(pair for pair in pairs if _rank(pair[1]) > _rank(pair[0])),
        better=tuple(pair for pair in pairs if _rank(pair[1]) < _rank(pair[0])),
        appeared=tuple(each for each in new.results if each.id not in before),
        went=tuple(each for each in old.results if each.id not in after),
        cut_short=max(0, new.planned - len(new.results)),
    )


def as_text(comparison: Comparison) -> Iterator[str]:
    """Lines for people: what got worse first, each with its reason."""
    for title, pairs in (("worse", comparison.worse), ("better", comparison.better)):
        for old, new in pairs:
            change = f"{old.verdict.value} → {new.verdict.value}"
            why = f": {one_line(headline(new))}" if new.verdict.red else ""
            yield f"{title:8}  {one_line(new.id)}  {change}{why}"
    for title, results in (("appeared", comparison.appeared), ("went", comparison.went)):
        for result in results:
            yield f"{title:8}  {one_line(result.id)}  {result.verdict.value}"
    if comparison.cut_short:
        yield f"cut short: {comparison.cut_short} scenarios of the new run were not judged"
    yield (
        f"{len(comparison.worse)} worse, {len(comparison.better)} better, "
        f"{len(comparison.appeared)} appeared, {len(comparison.went)} went"
    )


def _rank(result: Result) -> int:
    return _RANK[result.verdict]
