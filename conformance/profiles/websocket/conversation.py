"""A Conversation: a Chat with a model behind it, as the shared scenarios play it.

Each profile says how its client begins, asks, and reads an answer. The shared
scenarios (rfc6455.py, pressure.py, failure.py) need nothing else.
"""

from __future__ import annotations

from typing import Protocol

from conformance.profiles.websocket.chat import Chat
from conformance.profiles.websocket.checking import Note
from conformance.profiles.websocket.model import Model


class Answered(Protocol):
    """A complete answer."""

    @property
    def pieces(self) -> list[str]:
        """Its pieces of text, in order."""
        ...

    @property
    def failed(self) -> bool:
        """Whether the backend reported an error in it."""
        ...


class Conversation(Chat):
    """A chat whose answers a model gives."""

    def __init__(self, url: str, *, deadline: float, note: Note, model: Model) -> None:
        """As a Chat; model: what answers."""
        super().__init__(url, deadline=deadline, note=note)
        self.model = model

    async def begin(self) -> None:
        """Take what the backend sends unasked."""

    async def prepare(self) -> None:
        """Get as far as asking."""

    async def prompt(self, text: str = "Good morning!", pattern: str = "") -> str:
        """Ask the model; return the token by which its journal finds the request."""
        raise NotImplementedError

    async def pieces(self, count: int) -> list[str]:
        """The next pieces of the answer. Raises ScenarioStopped if fewer arrive."""
        raise NotImplementedError

    async def answer(self, *, clause: str | None = None) -> Answered:
        """The rest of the answer, up to its regular end. Raises ScenarioStopped.

        clause: the broken one if it does not end so, where the profile shall not decide.
        """
        raise NotImplementedError

    async def alone(self, pattern: str, *, clause: str | None = None) -> Answered:
        """The answer to a prompt without a history."""
        raise NotImplementedError

    async def fails(self, pattern: str, *, after: int) -> None:
        """Check that the answer fails after this many pieces, and that the next one does not."""
        raise NotImplementedError

    def fence_text(self) -> str:
        """A message that changes nothing, and has one known answer."""
        raise NotImplementedError

    async def fence(self) -> object:
        """Send such a message, and take all messages up to its answer."""
        raise NotImplementedError
