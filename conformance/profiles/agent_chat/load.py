"""The load test of a support chat: one client is one customer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.load_client import LoadClient, Work
from conformance.profiles.websocket.load import ChatClient


@asynccontextmanager
async def clients(work: Work) -> AsyncIterator[Callable[[], LoadClient]]:
    """Make customers."""

    def customer() -> ChatClient:
        bench = AgentBench(work.scenario, work.environment)
        return ChatClient(work, bench, piece=("type", "token"))

    yield customer
