"""The load test of a roleplay engine: one client is one player."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from conformance.profiles.load_client import Answered, LoadClient, Work, answered
from conformance.profiles.rpc_chat.client import RpcBench


class RpcClient:
    """A player of the roleplay engine."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._bench = RpcBench(work.scenario, work.environment)
        self._chat = self._bench.connect()

    async def enter(self) -> None:
        """Connect, and begin a session."""
        await self._chat.__aenter__()
        await self._chat.staged()

    async def ask(self) -> Answered:
        """Send a prompt; its answer ends with chat_end."""
        began, place = time.monotonic(), len(self._chat.messages)
        self._chat.prompt(self._work.prompt, pattern=self._work.pattern)
        await self._chat.answer()
        return answered(self._chat, began, place, "event", "chat_chunk")

    async def leave(self) -> None:
        """Close the connection."""
        await self._bench.aclose()


@asynccontextmanager
async def clients(work: Work) -> AsyncIterator[Callable[[], LoadClient]]:
    yield lambda: RpcClient(work)
