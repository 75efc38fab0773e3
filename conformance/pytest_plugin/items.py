"""Cases as pytest items: parameters and marks, decorated functions, and outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.core.result import Result, Verdict
from conformance.core.scenario import Scenario
from conformance.profiles.registry import profile_named
from conformance.pytest_plugin.suite import Suite
from conformance.report._command import PROGRAM, repeat
from conformance.running.selection import Case, belongs


@dataclass(frozen=True)
class Judged:
    """A Result on its way through pytest's reports."""

    result: Result
    calibration: dict[str, float]
    """The machine's calibration while the case was judged."""
    notices: tuple[str, ...] = ()
    """What the run found out about daemons before it judged them."""

    def to_json(self) -> dict[str, Any]:
        """As JSON types, for the way out of a worker."""
        return {
            "result": self.result.to_json(),
            "calibration": self.calibration,
            "notices": self.notices,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Judged:
        """The inverse of to_json."""
        return cls(Result.from_json(value["result"]), value["calibration"], tuple(value["notices"]))


JUDGED = pytest.StashKey[Judged]()
"""What an item's case was judged to be."""

CASE = pytest.StashKey[Case]()
"""The case of an item that a decorated function stands for."""


def case_of(item: pytest.Item) -> Case | None:
    """The case that the item stands for; None for an ordinary test."""
    callspec = getattr(item, "callspec", None)
    case = item.stash.get(CASE, None) or (callspec and callspec.params.get("conformance_case"))
    return case if isinstance(case, Case) else None


def report(suite: Suite, item: pytest.Item, case: Case) -> None:
    """Judge the case, and turn its verdict into the outcome of the running item."""
    result = suite.result(case)
    item.stash[JUDGED] = Judged(result, suite.calibration, tuple(suite.notices))
    match result.verdict:
        case Verdict.SKIP:
            pytest.skip(result.reason)
        case Verdict.KNOWN:
            pytest.xfail(result.reason)
        case verdict if verdict.red or (verdict is Verdict.WARN and suite.plan.strict):
            pytest.fail(as_text(result), pytrace=False)


def as_text(result: Result) -> str:
    """A red result for a terminal that pytest itself writes to."""
    lines = [f"{result.verdict.value}: {result.description}"]
    if result.reason:
        lines.append(result.reason)
    for failed in result.failures:
        lines += [
            f"{failed.check} ({failed.clause} {failed.level}) at {failed.where}",
            f"  expected: {failed.expected}",
            f"  actual:   {failed.actual}",
        ]
    return "\n".join([*lines, result.evidence, f"repeat: {repeat(result, PROGRAM)}"])


def parametrize(metafunc: pytest.Metafunc, selected: Iterable[Case]) -> None:
    """Parametrise a test that takes `conformance_case` with the selected cases."""
    cases = tuple(selected)
    for mark, meaning in _meanings(cases).items():
        metafunc.config.addinivalue_line("markers", f"{mark}: {meaning}")
    metafunc.parametrize(
        "conformance_case",
        [
            pytest.param(
                case, id=case.id, marks=[getattr(pytest.mark, mark) for mark in case.scenario.marks]
            )
            for case in cases
        ],
        indirect=True,
    )


class ScenarioItem(pytest.Item):
    """A function of a test module that is decorated with @scenario, on one daemon's variant."""

    @classmethod
    def collected(cls, collector: Any, declared: Scenario, suite: Suite) -> Iterator[ScenarioItem]:
        """An item for each variant of each selected daemon that the scenario belongs to."""
        for manifest in suite.manifests:
            bound = profile_named(manifest.profile).bind(declared)
            for variant in manifest.variants:
                if variant.name in suite.plan.selection.variants or (
                    not suite.plan.selection.variants and belongs(manifest, variant, bound)
                ):
                    case = Case(manifest, variant, bound)
                    item = cls.from_parent(collector, name=f"{bound.name}[{case.id}]")
                    item.stash[CASE] = case
                    item.suite = suite
                    yield item

    suite: Suite

    def runtest(self) -> None:
        """Judge the case."""
        report(self.suite, self, self.stash[CASE])

    def reportinfo(self) -> tuple[Any, int, str]:
        """Where the scenario is declared."""
        code = self.stash[CASE].scenario.function.__code__
        return self.path, code.co_firstlineno - 1, self.name


def _meanings(selected: Iterable[Case]) -> dict[str, str]:
    """What `-m` can select by, with the meaning of each."""
    meanings = {
        "alone": "has a daemon instance of its own",
        "quiet": "runs while no other scenario runs",
    }
    for case in selected:
        meanings[case.scenario.category] = "a category"
        for clause in case.scenario.clauses:
            meanings[clause.id] = f"cites clause {clause.id}"
            meanings[clause.level.value.lower()] = f"cites a clause of level {clause.level.value}"
    return meanings
