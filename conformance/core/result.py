"""What a run produces: one Result for each scenario judged on a daemon's variant.

Values that every report renders and that travel, as JSON, from a worker to
the process that reports. docs/results.schema.json describes the JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any


class Verdict(Enum):
    """The outcome of a scenario, in one word."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    """A SHOULD clause was broken."""
    FAIL = "fail"
    ERROR = "error"
    """The suite broke, or could not judge."""
    SKIP = "skip"
    KNOWN = "known"
    """An expected failure that failed."""
    SURPRISE = "surprise"
    """An expected failure that passed."""

    @property
    def red(self) -> bool:
        """Whether it fails the run."""
        return self in _RED


_RED = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.SURPRISE})


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A failed check. Each part is a field, so that reports do not parse sentences."""

    check: str
    """The check's name, as the catalog writes it: `done_marker`."""
    clause: str
    level: str
    expected: str
    actual: str
    where: str
    """A place a reader can go to: `event 4`, `byte 212 of the response`, `upstream request`."""


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario, judged on one variant of one daemon."""

    daemon: str
    variant: str
    scenario: str
    category: str
    profile: str
    description: str
    clauses: tuple[str, ...]
    verdict: Verdict
    duration: float
    """Seconds from the handoff (or the start of an own instance) to the last check."""
    reason: str = ""
    """The reason of a skip, an error or a known failure, in one sentence."""
    failures: tuple[FailedCheck, ...] = ()
    evidence: str = ""
    """What was seen, for a human: the transcript with times, the journal, the log's tail."""
    repeat: tuple[str, ...] = ()
    """The arguments of `conformance run` that repeat just this; empty where all is well."""

    @property
    def id(self) -> str:
        """`daemon/variant/scenario`, the name that reports and selections use."""
        return f"{self.daemon}/{self.variant}/{self.scenario}"

    def to_json(self) -> dict[str, Any]:
        """The Result as JSON types."""
        return {**asdict(self), "verdict": self.verdict.value}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Result:
        """The inverse of to_json."""
        return cls(
            **{
                **value,
                "verdict": Verdict(value["verdict"]),
                "clauses": tuple(value["clauses"]),
                "failures": tuple(FailedCheck(**each) for each in value["failures"]),
                "repeat": tuple(value["repeat"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run: its results and the circumstances of the run."""

    results: tuple[Result, ...]
    started: str
    """Wall clock, ISO 8601 with offset."""
    duration: float
    version: str
    calibration: dict[str, float] = field(default_factory=dict)
    strict: bool = False
    """Whether a warning fails the run."""
    planned: int = 0
    """How many results there should be; with fewer the run was cut short and is not green."""

    @property
    def red(self) -> tuple[Result, ...]:
        """The results that fail the run."""
        return tuple(
            each
            for each in self.results
            if each.verdict.red or (self.strict and each.verdict is Verdict.WARN)
        )
