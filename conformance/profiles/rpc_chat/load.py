"""The load test of a roleplay engine: one client is one player."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from conformance.profiles.load_client import LoadClient, Work
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.websocket.load import ChatClient


@asynccontextmanager
async def clients(work: Work) -> AsyncIterator[Callable[[], LoadClient]]:
    """Make players."""

    def player() -> ChatClient:
        bench = RpcBench(work.scenario, work.environment)
        return ChatClient(work, bench, piece=("event", "chat_chunk"))

    yield player
