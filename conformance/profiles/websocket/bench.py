"""A ChatBench: one scenario's hold on a chat backend."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

from conformance.core import record
from conformance.core.scenario import Actor, Scenario
from conformance.profiles.bench import Bench
from conformance.profiles.environment import Environment
from conformance.profiles.websocket.chat import Chat
from conformance.profiles.websocket.conversation import Conversation
from conformance.profiles.websocket.model import Model


class ChatBench(Bench):
    """Opens connections to the backend; a profile derives its own, with its own Chat."""

    def __init__(self, scenario: Scenario, environment: Environment) -> None:
        super().__init__(scenario, environment)
        self.model = Model(self)
        self._chats: list[Chat] = []

    def connect(self) -> Conversation:
        """A conversation that is not open yet (`async with`)."""
        raise NotImplementedError

    def declares(self, capability: str) -> bool:
        """Whether the manifest declares this capability."""
        return self.environment.manifest.declares(capability, self.environment.variant)

    @property
    def shared(self) -> bool:
        """Whether other scenarios use the same instance meanwhile."""
        return not self._scenario.alone

    @property
    def left(self) -> float:
        """Seconds until the scenario's deadline."""
        return max(0.0, self.deadline - time.monotonic())

    async def terminates(self, *chats: Chat) -> None:
        """Send SIGTERM; check that each connection is closed with 1001, and the exit status 0."""
        self.daemon.send_signal(signal.SIGTERM)
        for chat in chats:
            await chat.closes_with(1001, "going away")
        with suppress(TimeoutError):
            async with asyncio.timeout(self.left):
                await self.daemon.ended()
        self.check(
            self.daemon.returncode == 0,
            "exits",
            expected="exit status 0",
            actual=self.daemon.describe_exit() or "it still runs",
        )

    # Playing

    async def play(self) -> None:
        """Play the scenario, with one open conversation where it asks for a `chat`."""
        if self._scenario.actor is Actor.CHAT:
            async with self.connect() as chat:
                await self._scenario.function(chat)
        else:
            await self._scenario.function(self)

    async def canary(self) -> None:
        """Open a conversation, and play a message that changes nothing."""
        async with self.connect() as chat:
            await chat.begin()
            await chat.fence()

    async def evidence(self) -> str:
        """The last conversations."""
        return "\n\n".join(chat.transcript() for chat in self._chats[-3:])

    async def recorded(self) -> record.Json:
        """The last conversations, and what the model was asked."""
        for chat in self._chats:
            self._held.update(chat.held)
        whole = await super().recorded()
        shown = self._chats[-record.EXCHANGES :]
        tokens = list(self.model.tokens)[-record.EXCHANGES :]
        among = len(shown)
        whole["exchanges"] = [
            chat.recorded(start=self.began, among=among, marks=self.model.marks) for chat in shown
        ]
        for token in tokens:
            entries = await self.upstream.journal(token, most=record.PARTS)
            whole["requests"] += [
                record.request(entry, start=self.began, among=among) for entry in entries
            ]
        if left_out := len(self._chats) - len(shown):
            whole["left_out"]["exchanges"] = left_out
        return whole

    async def aclose(self) -> None:
        """Close every connection that is still open."""
        for chat in self._chats:
            chat.release()
