"""What a run produces: one Result for each scenario judged on a daemon's variant.

Values that every report renders and that travel, as JSON, from a worker to
the process that reports. docs/results.schema.json describes the JSON.
"""

from __future__ import annotations

import base64
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
    NOT_JUDGED = "not judged"
    """The daemon could not be judged. The Result's set-up error says why."""

    @property
    def red(self) -> bool:
        """Whether it fails the run."""
        return self in _RED


_RED = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.SURPRISE, Verdict.NOT_JUDGED})


class Setback(Enum):
    """What kept the suite from judging a daemon."""

    NOT_BUILT = "not built"
    NOT_STARTED = "not started"
    """It did not start, is not served, or cannot run here although it is required."""
    DIED = "died"
    """Its process ended while scenarios ran."""
    STOPPED = "stopped answering"
    """Its process runs, and a plain exchange is not answered."""
    ALIKE = "all alike"
    """The first scenarios all failed in the same way."""


@dataclass(frozen=True, slots=True)
class SetupError:
    """Why scenarios of a daemon's variant were not judged: one error for all of them."""

    daemon: str
    variant: str
    setback: Setback
    message: str
    """What was expected, what was found, and what to do; one paragraph."""
    log: str = ""
    """The end of the command's or the daemon's output."""
    ran: tuple[str, ...] = ()
    """The names of the scenarios that ran when the daemon stopped, or that ended just before."""

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> SetupError:
        """The inverse of Result.to_json, for this part of it."""
        return cls(**{**value, "setback": Setback(value["setback"]), "ran": tuple(value["ran"])})


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
    install: tuple[str, ...] = ()
    """What brings the tools that the daemon lacks on this machine, where that is why it is skipped:
    commands where there are some."""
    repeat: tuple[str, ...] = ()
    """The arguments of `conformance run` that repeat just this; empty where all is well."""
    record: bytes = b""
    """What was seen of both sides, packed; see core/record. Empty where it was not asked for."""
    setup_error: SetupError | None = None
    """Why it was not judged; None for every other verdict."""

    @property
    def id(self) -> str:
        """`daemon/variant/scenario`, the name that reports and selections use."""
        return f"{self.daemon}/{self.variant}/{self.scenario}"

    def to_json(self) -> dict[str, Any]:
        """The Result as JSON types; its record stays packed, in base64."""
        record = base64.b64encode(self.record).decode()
        value = {**asdict(self), "verdict": self.verdict.value, "record": record}
        if self.setup_error is not None:
            value["setup_error"]["setback"] = self.setup_error.setback.value
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any], *, record: bytes | None = None) -> Result:
        """The inverse of to_json. record: replaces the one of `value`."""
        return cls(
            **{
                **value,
                "verdict": Verdict(value["verdict"]),
                "clauses": tuple(value["clauses"]),
                "failures": tuple(FailedCheck(**each) for each in value["failures"]),
                "install": tuple(value.get("install", ())),
                "repeat": tuple(value["repeat"]),
                "record": base64.b64decode(value["record"]) if record is None else record,
                "setup_error": value["setup_error"] and SetupError.from_json(value["setup_error"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A daemon that was judged: what a report says about it besides its results."""

    name: str
    profile: str
    manifest: str
    """The manifest's path from the current folder; empty for a daemon that was served already."""
    version: str
    """`git describe` of the manifest's folder; empty outside a repository."""
    lines: dict[str, int] = field(default_factory=dict)
    """The line of each section and of each known failure in the manifest, counted from 1."""


@dataclass(frozen=True, slots=True)
class About:
    """A scenario as a report shows it."""

    profile: str
    name: str
    category: str
    description: str
    clauses: tuple[str, ...]
    source: str
    """`path:line` where it is declared, from the current folder or from the package's folder."""
    basis: str = ""
    """The bug report, or the section of a standard, that it is based on."""
    since: str = ""
    """The first version of the suite that has it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A clause as a report shows it."""

    profile: str
    id: str
    level: str
    sentence: str


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
    machine: dict[str, str] = field(default_factory=dict)
    """What it ran on: `system`, `python`, `processors`."""
    daemons: tuple[Judged, ...] = ()
    scenarios: tuple[About, ...] = ()
    clauses: tuple[Sentence, ...] = ()
    notices: tuple[str, ...] = ()
    """Lines that are not results, in order."""

    @property
    def setup_errors(self) -> tuple[SetupError, ...]:
        """Why scenarios were not judged: one error for each such variant of a daemon."""
        errors = (result.setup_error for result in self.results)
        return tuple(dict.fromkeys(error for error in errors if error is not None))

    @property
    def red(self) -> tuple[Result, ...]:
        """The results that fail the run."""
        return tuple(
            each
            for each in self.results
            if each.verdict.red or (self.strict and each.verdict is Verdict.WARN)
        )
