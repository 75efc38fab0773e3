"""The load test of a support chat: one client is one customer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from conformance.profiles.agent_chat.client import AgentBench, new_thread
from conformance.profiles.load_client import Answered, LoadClient, Work, answered


class AgentClient:
    """A customer of the support chat."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._bench = AgentBench(work.scenario, work.environment)
        self._chat = self._bench.connect()
        self._thread = new_thread()

    async def enter(self) -> None:
        """Connect."""
        await self._chat.__aenter__()

    async def ask(self) -> Answered:
        """Send a message; its turn must complete."""
        began, place = time.monotonic(), len(self._chat.messages)
        self._chat.ask(self._thread, self._work.prompt, pattern=self._work.pattern)
        await self._chat.completes(self._thread)
        return answered(self._chat, began, place, "type", "token")

    async def leave(self) -> None:
        """Close the connection."""
        await self._bench.aclose()


@asynccontextmanager
async def clients(work: Work) -> AsyncIterator[Callable[[], LoadClient]]:
    yield lambda: AgentClient(work)
