"""The load test of a roleplay engine: one client is one player."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from conformance.profiles.load_client import LoadClient, Work
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.websocket.load import ChatClient


@asynccontextmanager
async def clients(work: Work) -> AsyncIterator[Callable[[], LoadClient]]:
    """Make players."""

    def player() -> ChatClient:
        bench = RpcBench(work.scenario, work.environment)
        return ChatClient(work, bench, piece=("event", "chat_chunk"), reported=total_tokens)

    yield player


def total_tokens(message: Any) -> int | None:
    """The count in `chat_end`; None where it is not a number."""
    total = message.get("payload", {}).get("metadata", {}).get("total_tokens")
    return total if isinstance(total, int) else None
