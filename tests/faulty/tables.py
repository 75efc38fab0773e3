"""The tables of faults: tests/faulty/PROFILE/faults.py, read as values.

A table is run by its path: a faulty daemon imports nothing of the suite, and the suite
imports nothing of a daemon. A table may also hold SOUND, the daemons and variants that
must be green without a fault, and PART, the faults of the short proof.
"""

from __future__ import annotations

import runpy
from dataclasses import dataclass
from pathlib import Path

from conformance.profiles.registry import profile_named, profiles

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, with the daemon and the variant in which it shows; without a name: none."""

    profile: str
    name: str
    description: str
    clauses: tuple[str, ...]
    daemon: str
    variant: str

    @property
    def id(self) -> str:
        """`profile/name`; empty without a fault."""
        return f"{self.profile}/{self.name}" if self.name else ""

    @property
    def label(self) -> str:
        """The id, or the daemon that has no fault."""
        return self.id or f"no fault: {self.daemon}/{self.variant}"


@dataclass(frozen=True, slots=True)
class Table:
    """What is to be proved of one profile."""

    profile: str
    faults: tuple[Fault, ...]
    sound: tuple[Fault, ...]
    """Daemons without a fault; the profile's default variant where the table names none."""
    part: frozenset[str]
    """The names of the faults of the short proof."""

    def has(self, scenarios: tuple[str, ...]) -> bool:
        """Whether the profile has one of these scenarios, or all are selected."""
        mine = {scenario.name for scenario in profile_named(self.profile).scenarios}
        return not scenarios or not mine.isdisjoint(scenarios)


def tables() -> dict[str, Table]:
    """The tables by profile; one whose profile is not installed is left out."""
    names = sorted(path.parent.name for path in HERE.glob("*/faults.py"))
    return {name: _table(name) for name in names if name in profiles()}


def _table(profile: str) -> Table:
    values = runpy.run_path(str(HERE / profile / "faults.py"))
    return Table(
        profile,
        faults=tuple(
            Fault(profile, name, each.description, each.clauses, each.daemon, each.variant)
            for name, each in values["FAULTS"].items()
        ),
        sound=tuple(
            Fault(profile, "", "", (), daemon, variant)
            for daemon, variant in values.get("SOUND", ((profile, "default"),))
        ),
        part=frozenset(values.get("PART", ())),
    )
