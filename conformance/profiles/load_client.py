"""The client of a load test: how one client of a profile enters, asks, and is answered.

Entering (connecting, being greeted, logging in) is not measured: all clients
have entered before the first of them asks. A failure raises ScenarioStopped,
as in a scenario.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from conformance.core.scenario import Scenario
from conformance.profiles.environment import Environment
from conformance.profiles.websocket.chat import Chat


@dataclass(frozen=True, slots=True)
class Work:
    """One client's work; all have the same."""

    environment: Environment
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
            description="Many clients are served at once.",
            deadline=self.timeout,
            function=lambda _bench: None,
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer's times."""

    first: float
    """Seconds from the question to the first piece of the answer."""
    last: float
    """Seconds from the question to the answer's end."""
    tokens: int
    """How many pieces it came in; 0 where the profile's answers are not streamed."""

    @property
    def rate(self) -> float | None:
        """Pieces in a second, from the first to the last; None where there is no telling."""
        took = self.last - self.first
        return (self.tokens - 1) / took if self.tokens > 1 and took > 0 else None


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
"""What a profile's clients share, while they are there; it makes clients."""


class CrowdError(Exception):
    """What the clients share could not be made, so no client can be served."""


def answered(chat: Chat, began: float, place: int, key: str, piece: str) -> Answered:
    """The times of the messages from this place on, of which such ones are pieces."""
    came = chat.messages[place:]
    pieces = [each.at for each in came if json.loads(each.data).get(key) == piece]
    first, last = _ends(pieces) or (came[-1].at, came[-1].at)
    return Answered(first - began, last - began, len(pieces))


def _ends(times: Sequence[float]) -> tuple[float, float] | None:
    return (times[0], times[-1]) if times else None
