"""A Chat: silence, messages, control frames, and a close before a reset."""

from __future__ import annotations

import asyncio

import pytest
import websockets

from conformance.core.finding import FindingKind, ScenarioStopped
from conformance.profiles.websocket.chat import Chat
from tests.conformance.profiles.websocket.servers import findings

SILENCE = 0.5


async def keeps_open(socket: websockets.ServerConnection) -> None:
    await socket.wait_closed()


async def hangs_up(socket: websockets.ServerConnection) -> None:
    await socket.close(1001)


async def outlast(chat: Chat) -> None:
    await chat.stays_open(SILENCE)


@pytest.mark.parametrize(
    ("minute", "ping_interval", "kinds"),
    [
        (SILENCE, 0.01, []),
        (SILENCE, None, [FindingKind.NOT_PINGED]),
        (2 * SILENCE, None, []),
    ],
    ids=["pinged", "not pinged", "not pinged, and too short to tell"],
)
def test_a_minute_of_silence_sees_a_ping(
    monkeypatch: pytest.MonkeyPatch,
    minute: float,
    ping_interval: float | None,
    kinds: list[FindingKind],
) -> None:
    monkeypatch.setattr("conformance.profiles.websocket.chat.MINUTE", minute)
    noted = findings(keeps_open, outlast, ping_interval=ping_interval)
    assert [finding.kind for finding in noted] == kinds


def test_the_end_of_a_connection_during_silence_is_a_finding() -> None:
    with pytest.raises(ScenarioStopped, match=r"an open connection during 0\.5 s"):
        findings(hangs_up, outlast, ping_interval=None)


def test_a_message_that_is_not_json_is_unreadable() -> None:
    async def greets(socket: websockets.ServerConnection) -> None:
        await socket.send("hello")
        await socket.wait_closed()

    async def take(chat: Chat) -> None:
        with pytest.raises(ScenarioStopped):
            await chat.take()

    (finding,) = findings(greets, take)
    assert (finding.kind, finding.clause) == (FindingKind.UNREADABLE, None)
    assert "'hello'" in finding.actual


def test_fragments_are_cut_where_the_test_says() -> None:
    received: list[list[str]] = []

    async def collects(socket: websockets.ServerConnection) -> None:
        received.append([part async for part in socket.recv_streaming(decode=True)])

    async def send(chat: Chat) -> None:
        chat.in_fragments("a🌲b", 1, 3, 3)
        await chat.closed()

    findings(collects, send)
    assert len(received[0]) == 4
    assert "".join(received[0]) == "a🌲b"


def test_a_close_frame_before_a_reset_is_received() -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Shake hands, send a close frame with 1009, and reset by leaving data unread."""
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(
            line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
        )
        accept = websockets.utils.accept_key(key.split(b":")[1].strip().decode())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
        )
        await reader.readexactly(1)
        writer.write(b"\x88\x02\x03\xf1")
        await writer.drain()
        writer.transport.abort()

    async def run() -> int | None:
        server = await asyncio.start_server(refuses, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            loop = asyncio.get_running_loop()
            chat = Chat(f"ws://127.0.0.1:{port}/", deadline=loop.time() + 30, note=lambda f: f)
            async with chat:
                chat.pause()  # the client is busy: it writes before it reads
                chat.binary(bytes(1 << 20))
                await asyncio.sleep(0.2)
                for _ in range(3):
                    chat.binary(bytes(1 << 20))
                    await asyncio.sleep(0.05)
                await chat.closed()
            return chat.close_code

    assert asyncio.run(run()) == 1009
