"""A Chat while nothing is said: the connection stays open, and is pinged."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import websockets

from conformance.core.finding import Finding, ScenarioStopped
from conformance.profiles.websocket.chat import Chat

SILENCE = 0.5


async def keeps_open(socket: websockets.ServerConnection) -> None:
    await socket.wait_closed()


async def hangs_up(socket: websockets.ServerConnection) -> None:
    await socket.close(1001)


def outlast(handler: Any, *, ping_interval: float | None) -> list[Finding]:
    """What a Chat notes of a server that is silent."""
    noted: list[Finding] = []

    def note(finding: Finding) -> Finding:
        noted.append(finding)
        return finding

    async def run() -> None:
        async with websockets.serve(handler, "127.0.0.1", 0, ping_interval=ping_interval) as server:
            port = server.sockets[0].getsockname()[1]
            deadline = time.monotonic() + 60
            async with Chat(f"ws://127.0.0.1:{port}/", deadline=deadline, note=note) as chat:
                await chat.outlasts(SILENCE, held="AC46", pinged="AC47")

    asyncio.run(run())
    return noted


@pytest.mark.parametrize(
    ("minute", "ping_interval", "clauses"),
    [(SILENCE, 0.01, []), (SILENCE, None, ["AC47"]), (2 * SILENCE, None, [])],
    ids=["pinged", "not pinged", "not pinged, and too short to tell"],
)
def test_a_minute_of_silence_sees_a_ping(
    monkeypatch: pytest.MonkeyPatch,
    minute: float,
    ping_interval: float | None,
    clauses: list[str],
) -> None:
    monkeypatch.setattr("conformance.profiles.websocket.chat.MINUTE", minute)
    assert [each.clause for each in outlast(keeps_open, ping_interval=ping_interval)] == clauses


def test_a_connection_that_ends_meanwhile_is_told() -> None:
    with pytest.raises(ScenarioStopped, match=r"an open connection while the model thinks"):
        outlast(hangs_up, ping_interval=None)
