"""A WebSocket server of a test, and the findings of a Chat that is its client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import websockets

from conformance.core.finding import Finding
from conformance.profiles.websocket.chat import Chat


def findings(
    handler: Callable[[websockets.ServerConnection], Awaitable[None]],
    play: Callable[[Chat], Awaitable[None]],
    **options: Any,
) -> list[Finding]:
    """Serve with the handler, play the client, and return its findings.

    options: those of websockets.serve().
    """
    noted: list[Finding] = []

    def note(finding: Finding) -> Finding:
        noted.append(finding)
        return finding

    async def run() -> None:
        async with websockets.serve(handler, "127.0.0.1", 0, **options) as server:
            port = server.sockets[0].getsockname()[1]
            deadline = time.monotonic() + 60
            async with Chat(f"ws://127.0.0.1:{port}/", deadline=deadline, note=note) as chat:
                await play(chat)

    asyncio.run(run())
    return noted
