"""Outcome: the result of one run of a test, as a value for reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from conformance.ws.latency import Latency
from conformance.ws.nearest import Miss
from conformance.ws.transcript import Entry


class Verdict(Enum):
    """The result of a run in one word."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    """The server did not do what the test declares."""
    ERROR = "error"
    """The test could not run to its end for another reason."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict of one client's run, and the data that explains it."""

    name: str
    url: str
    verdict: Verdict
    reason: str
    """Type and text of the error; empty for a pass."""
    started: str
    """Wall clock, ISO 8601 with offset."""
    duration: float
    """Seconds from the call of `run` to the closed connection."""
    met: tuple[str, ...]
    """The expectations that were met, in that order."""
    misses: tuple[Miss, ...]
    latency: Latency
    transcript: tuple[Entry, ...]
    page: str
    """The transcript for a human."""
    zero: float
    """The monotonic time at which the page's times start."""
    stopped: bool = False
    """Whether the run was cancelled, for example after another client of its scenario failed."""
    scenario: str = ""
    """The name of the client's scenario."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON types. The transcript's times are monotonic seconds, as `zero` is."""
        return asdict(self) | {
            "verdict": self.verdict.value,
            "explanation": self.explanation,
            "transcript": [entry.to_json() for entry in self.transcript],
        }

    @property
    def explanation(self) -> str:
        """The nearest frame for each expectation that was not met, for a human."""
        return "\n".join(miss.text(lambda at: f"{at - self.zero:+.3f} s") for miss in self.misses)

    def text(self) -> str:
        """Return the report of a failure: the nearest misses, then the transcript."""
        parts = [self.explanation, f"transcript of {self.name}", self.page]
        return "\n".join(filter(None, parts))
