"""What clients under load are to do, and where."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.scenario import Scenario, Start
from conformance.stage import Stage


@dataclass(frozen=True, slots=True)
class Work:
    """One client's work; all have the same."""

    stage: Stage
    prompt: str
    pattern: str
    """What the mock API is asked to do, where it is the model."""
    requests: int
    """How often a client asks, one answer after the other."""
    timeout: float
    """Seconds that a client has for all of it."""

    @property
    def scenario(self) -> Scenario:
        """A bench's bounds, for these clients."""
        return Scenario(
            name="load",
            category="load",
            profile=self.stage.manifest.profile,
            description="Many clients are served at once.",
            clauses=(),
            pattern=None,
            script=None,
            request={},
            everywhere=True,
            needs=(),
            alone=False,
            start=Start(),
            quiet=False,
            deadline=self.timeout,
            evidence=None,
            function=lambda _bench: None,
        )
