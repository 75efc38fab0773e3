"""Clients that leave, pause, sip or keep a copy, on real sockets."""

import asyncio
import socket
import time
from pathlib import Path

import pytest

from conformance.core.evidence import Ending
from conformance.core.socket_type import SocketType
from conformance.profiles.handoff.client_pair import ClientKind
from conformance.profiles.relay.exchange import Exchange
from tests.conformance.profiles.handoff.miniature_daemon import miniature_daemon
from tests.conformance.profiles.relay.exchanges import (
    DONE,
    EVENT,
    HEAD,
    KINDS,
    Journal,
    answer,
    cited,
    entry,
    exchange_with,
    play,
)


async def _farewell(client: socket.socket) -> str:
    """How a client leaves, as a daemon sees it."""
    try:
        while await asyncio.get_running_loop().sock_recv(client, 4096):
            pass
    except ConnectionResetError:
        return "reset"
    return "eof"


@KINDS
@pytest.mark.parametrize("leave", ["close", "reset", "half_close"])
def test_leaving(tmp_path: Path, client: ClientKind, leave: str) -> None:
    async def main() -> tuple[str, Exchange]:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def serve(clients: list[socket.socket], _: bytes) -> None:
            await asyncio.get_running_loop().sock_sendall(clients[0], HEAD + EVENT)
            told.set_result(await _farewell(clients[0]))
            if leave == "half_close":
                await answer(DONE)(clients, b"")

        async with miniature_daemon(tmp_path / "d.sock", SocketType.SEQPACKET, serve):
            exchange = exchange_with(tmp_path / "d.sock", client=client)
            async with exchange:
                await exchange.start()
                await exchange.events(1)
                getattr(exchange, leave)()
                seen = await exchange.finish()
                half = leave == "half_close"
                assert seen.response.transcript.ending is (Ending.EOF if half else Ending.LEFT)
                assert len(seen.response.events) == 1 + half
            return await told, exchange

    told, exchange = asyncio.run(main())
    assert told == ("reset" if leave == "reset" and client is ClientKind.TCP else "eof")
    exchange.close()  # leaving twice is not an error
    exchange.reset()


def test_a_reset_by_the_daemon_is_one(tmp_path: Path) -> None:
    async def serve(clients: list[socket.socket], _: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(clients[0], HEAD + EVENT)
        # Closing over unread input resets the connection: the mistake that R8 forbids.
        await loop.sock_recv(clients[0], 1)

    async def scenario(exchange: Exchange) -> None:
        await exchange.events(1)
        exchange.send(b"..")
        checks = await exchange.response()
        assert checks.response.transcript.ending is Ending.RESET
        checks.ended()

    exchange = play(tmp_path, serve, scenario, upstream=Journal(now=(entry(),)))
    assert [(each.check, cited(each)) for each in exchange.failures] == [("ended", "R8")]


def test_a_paused_client_reads_nothing_and_then_everything(tmp_path: Path) -> None:
    async def main() -> None:
        stuck = asyncio.Event()

        async def serve(clients: list[socket.socket], _: bytes) -> None:
            data = HEAD + EVENT * 20_000 + DONE
            while data:
                try:
                    data = data[clients[0].send(data) :]
                except BlockingIOError:
                    stuck.set()
                    await asyncio.get_running_loop().sock_sendall(clients[0], data)
                    break
            clients[0].shutdown(socket.SHUT_WR)

        async with (
            miniature_daemon(tmp_path / "d.sock", SocketType.SEQPACKET, serve),
            exchange_with(
                tmp_path / "d.sock", within=20, receive_buffer=4096, send_buffer=4096
            ) as exchange,
        ):
            await exchange.start()
            await exchange.head()
            exchange.pause()
            exchange.pause()
            await stuck.wait()
            before = len(exchange.seen().transcript.raw)
            await asyncio.sleep(0)
            assert len(exchange.seen().transcript.raw) == before
            exchange.sip(7)
            assert len(exchange.seen().transcript.raw) == before + 7
            exchange.resume()
            seen = (await exchange.finish()).response
            assert len(seen.events) == 20_001
            assert seen.violations == ()

    asyncio.run(main())


def test_a_client_that_sips(tmp_path: Path) -> None:
    async def scenario(exchange: Exchange) -> None:
        reads = (await exchange.finish()).response.transcript.reads
        assert {len(read.data) for read in reads[:-1]} == {7}
        assert b"".join(read.data for read in reads) == HEAD + EVENT + DONE

    play(tmp_path, answer(HEAD + EVENT + DONE), scenario, read_size=7)


@pytest.mark.parametrize("keep_copy", [True, False])
def test_a_kept_copy_hides_a_close_that_is_no_shutdown(tmp_path: Path, keep_copy: bool) -> None:
    async def serve(clients: list[socket.socket], _: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(clients[0], HEAD + DONE)

    async def scenario(exchange: Exchange) -> None:
        await exchange.events(1)
        if keep_copy:
            exchange.deadline = time.monotonic() + 0.1
        assert await exchange.ended() is (Ending.DEADLINE if keep_copy else Ending.EOF)

    play(tmp_path, serve, scenario, keep_copy=keep_copy)


def test_the_client_may_be_gone_before_the_handoff(tmp_path: Path) -> None:
    async def main() -> None:
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def serve(clients: list[socket.socket], _: bytes) -> None:
            told.set_result(await _farewell(clients[0]))

        async with (
            miniature_daemon(tmp_path / "d.sock", SocketType.SEQPACKET, serve),
            exchange_with(tmp_path / "d.sock") as exchange,
        ):
            exchange.reset()
            await exchange.start()
            assert await told == "reset"
            assert (await exchange.finish()).response.transcript.ending is Ending.LEFT

    asyncio.run(main())
