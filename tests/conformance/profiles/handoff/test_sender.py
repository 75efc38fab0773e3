"""A Sender does each step of a handoff by itself, rightly or wrongly."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from conformance.core.socket_type import SocketType
from conformance.profiles.handoff.sender import NotListeningError, PeerLeftError, Sender

BOTH = pytest.mark.parametrize("socket_type", list(SocketType))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "daemon.sock"


@pytest.fixture
def listener(path: Path, socket_type: SocketType) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket_type.number) as server:
        server.bind(str(path))
        server.listen()
        server.settimeout(5.0)
        yield server


def play(
    path: Path, socket_type: SocketType, act: Callable[[Sender], Awaitable[None]], **more: int
) -> None:
    async def main() -> None:
        deadline = time.monotonic() + 5.0
        async with Sender(path, socket_type=socket_type, deadline=deadline, **more) as sender:
            await act(sender)

    asyncio.run(main())


@BOTH
def test_what_is_sent_counts_as_taken_once_it_was_read(
    path: Path, socket_type: SocketType, listener: socket.socket
) -> None:
    async def act(sender: Sender) -> None:
        reader, writer = os.pipe()
        try:
            await sender.send(b"{}", [reader, writer])
        finally:
            os.close(reader)
            os.close(writer)
        assert not await sender.taken(within=0.0)
        peer, _ = listener.accept()
        with peer:
            data, descriptors, _, _ = socket.recv_fds(peer, 100, 4)
            for each in descriptors:
                os.close(each)
            assert (data, len(descriptors)) == (b"{}", 2)
            assert await sender.taken(within=5.0)
            assert sender.is_open()

    play(path, socket_type, act)


@BOTH
def test_the_daemon_leaving_is_noticed_with_and_without_unread_bytes(
    path: Path, socket_type: SocketType, listener: socket.socket
) -> None:
    async def act(sender: Sender) -> None:
        await sender.send(b"{}")
        peer, _ = listener.accept()
        with peer:
            assert sender.is_open()
            assert not await sender.left(within=0.0)
        assert await sender.left(within=5.0)
        assert not sender.is_open()

    play(path, socket_type, act)


@pytest.mark.parametrize("socket_type", [SocketType.SEQPACKET])
def test_a_message_may_be_empty_and_carry_a_descriptor(
    path: Path, socket_type: SocketType, listener: socket.socket
) -> None:
    async def act(sender: Sender) -> None:
        await sender.send(b"", [0])
        peer, _ = listener.accept()
        with peer:
            data, descriptors, _, _ = socket.recv_fds(peer, 100, 4)
            assert (data, len(descriptors)) == (b"", 1)
            os.close(descriptors[0])

    play(path, socket_type, act)


@pytest.mark.parametrize("socket_type", [SocketType.SEQPACKET])
def test_a_larger_buffer_lets_a_larger_message_through(
    path: Path, socket_type: SocketType, listener: socket.socket
) -> None:
    async def act(sender: Sender) -> None:
        await sender.send(b"x" * 400_000)
        peer, _ = listener.accept()
        with peer:
            assert len(peer.recv(500_000)) == 400_000

    play(path, socket_type, act, send_buffer=400_000)


@BOTH
def test_errors_say_what_happened(
    path: Path, socket_type: SocketType, listener: socket.socket
) -> None:
    async def act(sender: Sender) -> None:
        listener.accept()[0].close()
        with pytest.raises(PeerLeftError, match="closed the connection before"):
            await sender.send(b"{}")

    play(path, socket_type, act)
    listener.close()
    with pytest.raises(NotListeningError, match="no daemon listens"):
        play(path, socket_type, act)
