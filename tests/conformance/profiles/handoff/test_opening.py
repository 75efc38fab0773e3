"""Handoffs over real sockets: what arrives at the daemon, and the message of each failure."""

import asyncio
import fcntl
import json
import os
import socket
import time
from pathlib import Path

import pytest

from conformance.core.socket_type import SocketType
from conformance.profiles.handoff import client_pair, opening, payload, sender
from conformance.profiles.handoff.client_pair import ClientKind
from tests.conformance.profiles.handoff.miniature_daemon import miniature_daemon

KINDS = pytest.mark.parametrize("kind", list(ClientKind))
TYPES = pytest.mark.parametrize("socket_type", list(SocketType))


def soon() -> float:
    return time.monotonic() + 10


@KINDS
@pytest.mark.parametrize("blocking", [True, False])
def test_a_pair_is_connected_and_set_as_the_web_server_would(
    kind: ClientKind, blocking: bool
) -> None:
    pair = client_pair.pair(kind, blocking=blocking)
    pair.server.setblocking(True)
    pair.server.sendall(b"x")
    assert pair.client.recv(1) == b"x"
    assert pair.client.getblocking() is False
    pair.close()
    pair = client_pair.pair(kind, blocking=blocking)
    flags = fcntl.fcntl(pair.server, fcntl.F_GETFL)
    assert bool(flags & os.O_NONBLOCK) is not blocking
    if kind is ClientKind.TCP:
        assert pair.server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    pair.close()


@KINDS
def test_buffers_can_be_small(kind: ClientKind) -> None:
    pair = client_pair.pair(kind, receive_buffer=4096, send_buffer=4096)
    assert pair.client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 8192
    assert pair.server.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 8192
    pair.close()


def test_a_stranger_on_the_port_is_not_taken_for_the_client() -> None:
    pair = client_pair.pair()
    with socket.create_connection(pair.server.getsockname()) as stranger:
        other = client_pair.pair()
        assert other.server.getpeername() == other.client.getsockname()
        assert stranger.recv(1) == b""
        other.close()
    pair.close()


def test_encodes_as_php_does() -> None:
    data = payload.encode({"prompt": "a/b ü😀", "n": 1.5})
    assert data == b'{"prompt":"a\\/b \\u00fc\\ud83d\\ude00","n":1.5}'
    assert json.loads(data) == {"prompt": "a/b ü😀", "n": 1.5}


@TYPES
@pytest.mark.parametrize("payload", [b"", b"{}", b"x" * 131_072], ids=["none", "small", "large"])
@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_sends_payload_and_descriptors(
    tmp_path: Path, socket_type: SocketType, payload: bytes, count: int
) -> None:
    async def scenario() -> None:
        got: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()

        async def serve(clients: list[socket.socket], data: bytes) -> None:
            got.set_result((len(clients), data))

        pair, path = client_pair.pair(), tmp_path / "d.sock"
        async with miniature_daemon(path, socket_type, serve):
            before = time.monotonic()
            sent = await opening.send(
                path,
                socket_type=socket_type,
                payload=payload,
                descriptors=[pair.server.fileno()] * count,
                deadline=soon(),
            )
            assert before <= sent <= time.monotonic()
            assert await got == (count, payload or b"\x00")
        assert pair.server.fileno() >= 0, "the descriptors stay the caller's"
        pair.close()

    asyncio.run(scenario())


def test_a_stream_takes_more_than_its_buffer(tmp_path: Path) -> None:
    async def scenario() -> None:
        got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(_: list[socket.socket], data: bytes) -> None:
            got.set_result(data)

        payload, path = os.urandom(1 << 20), tmp_path / "d.sock"
        async with miniature_daemon(path, SocketType.STREAM, serve):
            await opening.send(
                path,
                socket_type=SocketType.STREAM,
                payload=payload,
                descriptors=[],
                deadline=soon(),
            )
            assert await got == payload

    asyncio.run(scenario())


def send_to(path: Path, socket_type: SocketType, payload: bytes = b"{}", within: float = 5) -> None:
    asyncio.run(
        opening.send(
            path,
            socket_type=socket_type,
            payload=payload,
            descriptors=[],
            deadline=time.monotonic() + within,
        )
    )


def test_no_socket_file(tmp_path: Path) -> None:
    with pytest.raises(sender.NotListeningError, match=r"no socket at .*d\.sock"):
        send_to(tmp_path / "d.sock", SocketType.SEQPACKET)


@TYPES
def test_a_socket_that_was_left_behind(tmp_path: Path, socket_type: SocketType) -> None:
    with socket.socket(socket.AF_UNIX, socket_type.number) as listener:
        listener.bind(str(tmp_path / "d.sock"))
        listener.listen()
    began = time.monotonic()
    with pytest.raises(sender.NotListeningError, match="connection refused"):
        send_to(tmp_path / "d.sock", socket_type)
    assert time.monotonic() - began >= sum(sender.RETRIES)


@TYPES
def test_the_other_socket_type(tmp_path: Path, socket_type: SocketType) -> None:
    other = next(each for each in SocketType if each is not socket_type)
    with socket.socket(socket.AF_UNIX, other.number) as listener:
        listener.bind(str(tmp_path / "d.sock"))
        listener.listen()
        said = f"manifest says {socket_type.value} but the daemon listens on {other.value}"
        with pytest.raises(sender.WrongSocketTypeError, match=said):
            send_to(tmp_path / "d.sock", socket_type)


def test_a_message_too_large(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / "d.sock"))
        listener.listen()
        with pytest.raises(sender.MessageTooLargeError, match="1048576 bytes of handoff data"):
            send_to(tmp_path / "d.sock", SocketType.SEQPACKET, b"x" * (1 << 20))


def test_a_path_too_long(tmp_path: Path) -> None:
    with pytest.raises(sender.HandoffError, match="too long"):
        send_to(tmp_path / ("d" * 150), SocketType.SEQPACKET)


@TYPES
def test_a_full_backlog_is_waited_for_until_the_deadline(
    tmp_path: Path, socket_type: SocketType
) -> None:
    path = tmp_path / "d.sock"
    with socket.socket(socket.AF_UNIX, socket_type.number) as listener:
        listener.bind(str(path))
        listener.listen(0)
        send_to(path, socket_type)
        with pytest.raises(sender.BacklogFullError, match="accepts too slowly"):
            send_to(path, socket_type, within=0.05)

        async def scenario() -> None:
            waiting = asyncio.create_task(
                opening.send(
                    path,
                    socket_type=socket_type,
                    payload=b"{}",
                    descriptors=[],
                    deadline=soon(),
                )
            )
            await asyncio.sleep(0)  # it has met the full backlog, and the loop is free
            assert not waiting.done()
            listener.accept()[0].close()
            await waiting

        asyncio.run(scenario())


def test_a_stream_daemon_that_never_reads(tmp_path: Path) -> None:
    path = tmp_path / "d.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(sender.PeerLeftError, match="did not read the 4194304 bytes"):
            send_to(path, SocketType.STREAM, b"x" * (4 << 20), within=0.1)
