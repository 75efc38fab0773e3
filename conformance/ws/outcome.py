"""Outcome: what became of one run of a test. A value, for reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.core.result import Verdict
from conformance.ws.latency import Latency
from conformance.ws.nearest import Miss
from conformance.ws.transcript import Entry


@dataclass(frozen=True, slots=True)
class Outcome:
    """One client's run: its verdict and everything that explains it."""

    name: str
    url: str
    verdict: Verdict
    """`pass`; `fail` where the server did not do what was declared; `error` otherwise."""
    reason: str
    """The error's text; empty for a pass."""
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
    """The monotonic time that the page's times are relative to."""
    stopped: bool = False
    """It was cancelled, as a scenario does with the others when one client fails."""
    scenario: str = ""
    """The name of the scenario that the client was part of."""

    def to_json(self) -> dict[str, Any]:
        """JSON types; the transcript's times are monotonic seconds, `zero` is their origin."""
        return {
            "name": self.name,
            "scenario": self.scenario,
            "url": self.url,
            "verdict": self.verdict.value,
            "reason": self.reason,
            "stopped": self.stopped,
            "started": self.started,
            "duration": self.duration,
            "met": list(self.met),
            "misses": [each.to_json() for each in self.misses],
            "explanation": self.explanation,
            "latency": self.latency.to_json(),
            "zero": self.zero,
            "transcript": [each.to_json() for each in self.transcript],
            "page": self.page,
        }

    @property
    def explanation(self) -> str:
        """What came nearest to each expectation that was not met, for a human."""
        return "\n".join(each.text(lambda at: f"{at - self.zero:+.3f} s") for each in self.misses)

    def text(self) -> str:
        """The page of a failure: the nearest misses, then the transcript."""
        parts = [self.explanation, f"transcript of {self.name}", self.page]
        return "\n".join(filter(None, parts))
