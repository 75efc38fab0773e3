"""The client of a load test: how one client of a profile enters, asks, and is answered.

Entering (connecting, logging in) is not measured: all clients enter before the
first one asks. A failure raises ScenarioStopped, as in a scenario.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from conformance.core.scenario import Scenario
from conformance.profiles.environment import Environment


@dataclass(frozen=True, slots=True)
class Work:
    """One client's work; it is the same for all clients."""

    environment: Environment
    prompt: str
    pattern: str
    """The pattern that the mock API answers with, where it is the model."""
    requests: int
    """Prompts of a client, each sent after the answer to the one before."""
    timeout: float
    """Seconds that a client has for all of them."""

    @property
    def scenario(self) -> Scenario:
        """The scenario that a bench needs, with the client's deadline."""
        return Scenario(
            name="load",
            category="load",
            description="The daemon serves many clients at once.",
            deadline=self.timeout,
            function=lambda _bench: None,
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """The times of one answer."""

    first: float
    """Seconds from the prompt to the first piece of the answer."""
    last: float
    """Seconds from the prompt to the answer's end."""
    chunks: int
    """Pieces of the answer; 0 where the profile does not stream answers."""
    reported: int | None = None
    """The number of tokens that the backend reports; None where it reports no number."""
    gaps: tuple[float, ...] = ()
    """Seconds between one piece and the next."""
    added: tuple[float, ...] = ()
    """Seconds that each piece took from the mock API to the client; empty where unknown."""

    @property
    def tokens(self) -> int:
        """The tokens of the answer: as the backend counts them, or else its pieces."""
        return self.chunks if self.reported is None else self.reported

    @property
    def rate(self) -> float | None:
        """Pieces per second between the first and the last; None for fewer than two."""
        seconds = self.last - self.first
        return (self.chunks - 1) / seconds if self.chunks > 1 and seconds > 0 else None


class LoadClient(Protocol):
    """One client that asks."""

    async def enter(self) -> None:
        """Get as far as asking. Raises ScenarioStopped."""
        ...

    async def ask(self) -> Answered:
        """Ask, and wait for the whole answer. Raises ScenarioStopped."""
        ...

    async def leave(self) -> None:
        """Close every connection."""
        ...


Crowd = Callable[[Work], AbstractAsyncContextManager[Callable[[], LoadClient]]]
"""Everything that a profile's clients share; it makes clients."""


class CrowdError(Exception):
    """The clients' shared part cannot be made, so no client can be served."""
