"""The self-test's ledger: which scenario caught which fault, and what the suite did wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tables import Fault

from conformance.core.result import Result, Verdict

WHOLLY = 0.5
"""The part of all scenarios from which on a fault proves none of those that it turns red. A dead
daemon does not show that a single check can see anything."""


@dataclass(slots=True)
class Ledger:
    """What was caught by what, and every defect of the suite."""

    caught: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By fault, the scenarios (`profile/name`) that were red for a right reason."""
    judged: set[str] = field(default_factory=set)
    """The scenarios that were judged on some fault."""
    defects: list[str] = field(default_factory=list)

    def add(self, fault: Fault, results: Iterable[Result]) -> dict[str, list[str]]:
        """Record the red results; return what was wrong about them, by scenario."""
        wrong: dict[str, list[str]] = {}
        for result in results:
            if result.verdict is Verdict.SKIP:
                continue
            scenario = f"{result.profile}/{result.scenario}"
            if fault.name:
                self.judged.add(scenario)
            mistakes = list(_mistakes(fault, result))
            if mistakes:
                wrong[result.scenario] = mistakes
            elif result.verdict is not Verdict.PASS:
                self.caught[fault.id].add(scenario)
        return wrong

    def uncaught(self, faults: Iterable[Fault]) -> list[Fault]:
        """Those of the faults that no scenario has caught."""
        return [fault for fault in faults if fault.name and not self.caught.get(fault.id)]

    def catching_nothing(self) -> list[str]:
        """The scenarios that only a fault turned red which turns most of them red."""
        catching: set[str] = set()
        for fault, scenarios in self.caught.items():
            if len(scenarios) < WHOLLY * len(self.beside(fault)):
                catching |= scenarios
        return sorted(self.judged - catching)

    def beside(self, name: str) -> set[str]:
        """The judged scenarios of the same profile as this fault or scenario."""
        profile = name.partition("/")[0]
        return {scenario for scenario in self.judged if scenario.partition("/")[0] == profile}

    def matrix(self) -> Iterator[str]:
        """Faults by the scenarios that caught them, the surest last; the shorter list of two."""
        yield "\nfault by scenario"
        for fault, scenarios in sorted(self.caught.items(), key=lambda each: len(each[1])):
            others = self.beside(fault) - scenarios
            by = sorted(scenarios)
            if 0 < len(others) < len(scenarios):
                by = ["all but", *sorted(others)]
            names = " ".join(name.rpartition("/")[2] for name in by)
            yield f"  {fault:40} {len(scenarios):4}  {names}"


def _mistakes(fault: Fault, result: Result) -> Iterator[str]:
    """What the suite itself did wrong in this result."""
    if result.verdict is Verdict.ERROR:
        yield f"{fault.label}: {result.scenario}: {result.reason}\n{result.evidence}"
    for failed in result.failures:
        if failed.clause not in fault.clauses:
            yield (
                f"{fault.label}: {result.scenario}: {failed.check} cites {failed.clause}, "
                f"which is not violated ({' '.join(fault.clauses) or 'nothing is'}): "
                f"expected {failed.expected}; {failed.actual}"
            )
