"""A profile: the protocol that a daemon speaks to its clients, as one object.

A Profile holds everything that the suite knows about a protocol: the clauses,
the scenarios, how a daemon is reached, and the bench that plays a scenario.
Profiles are found by the entry points of the group `conformance.profiles`;
each names a Profile. A package of your own adds one in the same way:

    [project.entry-points."conformance.profiles"]
    my-protocol = "my_package.profile:PROFILE"
"""

from __future__ import annotations

import pkgutil
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

from conformance.core.capability import Vocabulary
from conformance.core.clause import Clause
from conformance.core.finding import Finding, FindingKind
from conformance.core.reach import Reach
from conformance.core.result import FailedCheck
from conformance.core.scenario import Scenario, ScenarioError, declared_in
from conformance.profiles.bench import Bench
from conformance.profiles.load_client import Crowd

SLOT = 0.5
"""Seconds that most scenarios compute at most, before they wait for the daemon."""

CONCURRENCY = 256
"""Scenarios of one instance that begin at a time, where the profile sets no limit."""

NOTHING = ("None", "null")
"""How Python and JSON call a value that is missing. A report names what is missing."""


@dataclass(frozen=True)
class Profile:
    """Everything about one protocol."""

    name: str
    """As a manifest writes it: `rpc-chat`."""
    clauses: tuple[Clause, ...]
    """The contract, in order. The first clause is about being served at all."""
    catalogs: tuple[ModuleType, ...]
    """Packages of scenarios, in the order in which reports show them."""
    reach: Reach
    """How a client reaches the daemon, and what readiness is."""
    bench: type[Bench]
    """Plays one scenario."""
    blame: Mapping[FindingKind, str] = field(default_factory=dict)
    """The clause that a finding breaks, where neither the check nor the scenario says."""
    serving: frozenset[str] = frozenset()
    """Clauses that promise an answer. In their scenarios a client without an answer breaks the
    scenario's first clause."""
    first_probe: Callable[[Any], Awaitable[Mapping[str, tuple[str, ...]]]] | None = None
    """Finds out, with a bench of this profile, how a daemon that is served already is wired, and
    its capabilities. It raises WiringError where the daemon cannot be judged so."""
    concurrency: int = CONCURRENCY
    """How many scenarios of one instance begin at a time."""
    slot: float = SLOT
    """Seconds after which a running scenario lets the next one begin: it mostly waits then."""
    timed: frozenset[str] = frozenset()
    """The clauses that set a time limit: a machine that stands still cannot judge them."""
    relays: bool = False
    """Whether its daemons relay the API's stream, so that a random stream can be judged."""
    load: Crowd | None = None
    """Makes the clients of a load test; None where the profile has no load test."""
    load_times: tuple[str, str] = ("first token", "last token")
    """What the two times of a load test's answer are called."""
    untestable: Mapping[str, str] = field(default_factory=dict)
    """What no scenario covers, and why: by clause, or by the name of such a scenario."""

    renamed: Mapping[str, str] = field(default_factory=dict)
    """Clauses of a shared scenario that this contract words under another id."""
    implied: frozenset[str] = frozenset()
    """Needs of a shared scenario that every daemon of this profile meets."""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    """The capabilities and options that a manifest may declare, and a scenario need."""

    @cached_property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Every scenario, by category in the catalogs' order, as written in each module.

        A category may stand in several catalogs; its scenarios are then listed together.
        Raises ScenarioError for an unknown clause, or for a name that is taken.
        """
        return self.bound(
            scenario
            for category in dict.fromkeys(
                name for package in self.catalogs for name in _categories(package)
            )
            for package in self.catalogs
            for scenario in _declared(package, category)
        )

    def bound(
        self, declared: Iterable[Scenario], *, others: Iterable[Scenario] = ()
    ) -> tuple[Scenario, ...]:
        """These scenarios as this profile's; their names must differ, also from those of `others`.

        Raises ScenarioError for an unknown clause, or for a name that is taken.
        """
        taken = {scenario.name: scenario for scenario in others}
        found = tuple(map(self.bind, declared))
        for scenario in found:
            other = taken.setdefault(scenario.name, scenario)
            if other is not scenario:
                raise ScenarioError(
                    f"{scenario.where}: the name is taken by {other.where}; rename one of them"
                )
        return found

    def bind(self, scenario: Scenario) -> Scenario:
        """The scenario as one of this profile, its clauses looked up.

        Raises ScenarioError for an unknown clause, capability or option.
        """
        clause_ids = tuple(
            dict.fromkeys(self.renamed.get(name, name) for name in scenario.clause_ids)
        )
        try:
            clauses = tuple(self.clause(clause_id) for clause_id in clause_ids)
        except LookupError as error:
            raise ScenarioError(f"{scenario.where}: {error}; correct clause=…") from None
        needs = tuple(need for need in scenario.needs if need not in self.implied)
        for need in needs:
            if mistake := self.vocabulary.unknown_need(need):
                raise ScenarioError(f"{scenario.where}: {mistake}; correct needs=…")
        for option in scenario.start.options:
            if valid := self.vocabulary.unknown_option(option):
                raise ScenarioError(f"{scenario.where}: unknown option {option!r}; {valid}")
        return replace(
            scenario, profile=self.name, clause_ids=clause_ids, clauses=clauses, needs=needs
        )

    def clause(self, clause_id: str) -> Clause:
        """Look a clause up by its number; LookupError names the valid ones."""
        for clause in self.clauses:
            if clause.id == clause_id:
                return clause
        valid = " ".join(clause.id for clause in self.clauses)
        raise LookupError(
            f"no clause {clause_id!r} in the contract of {self.name}; there are: {valid}"
        )

    def failed_check(self, finding: Finding, scenario: Scenario) -> FailedCheck:
        """The finding with the clause that it breaks.

        The clause is the finding's own; else the scenario's first, where that promises
        the answer that did not come; else the one that `blame` gives for its kind; else
        the scenario's first.
        """
        first = scenario.clause_ids[0] if scenario.clause_ids else self.clauses[0].id
        clause_id = finding.clause
        if clause_id is None and finding.unserved and first in self.serving:
            clause_id = first
        if clause_id is None and finding.kind is not None:
            clause_id = self.blame.get(finding.kind)
        clause_id = first if clause_id is None else clause_id
        clause_id = self.renamed.get(clause_id, clause_id)
        return FailedCheck(
            check=finding.check,
            clause=clause_id,
            level=self.clause(clause_id).level.value,
            expected=finding.expected,
            actual=_missing(finding.check) if finding.actual in NOTHING else finding.actual,
            where=finding.where,
        )


def _missing(check: str) -> str:
    """What is not there, by the name of the check that looks for it."""
    return f"no {check.replace('_', ' ')}: it is missing, or null"


def _categories(package: ModuleType) -> Iterator[str]:
    """The package's modules and folders: those of its ORDER first, then the others."""
    names = {module.name for module in pkgutil.iter_modules(package.__path__)}
    yield from (name for name in package.ORDER if name in names)
    yield from sorted(names.difference(package.ORDER))


def _declared(package: ModuleType, category: str) -> Iterator[Scenario]:
    """The scenarios of one category: a module, or a folder of modules in its own ORDER."""
    if category not in _categories(package):
        return
    module = import_module(f"{package.__name__}.{category}")
    if hasattr(module, "__path__"):
        for part in _categories(module):
            for scenario in _declared(module, part):
                yield replace(scenario, category=category)
        return
    yield from declared_in(module)
