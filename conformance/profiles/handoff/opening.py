"""Hand a client's socket to a daemon, the way the web server does it.

The web server connects to the daemon's Unix socket, sends one message (the
handoff data and the client's descriptor), reads nothing back and closes. It
keeps nothing: what it had set on the client's socket before (O_NONBLOCK,
TCP_NODELAY) stays set, because both descriptors share one file description.

`pair` makes the two ends of a client connection, `send` passes one of them on.
Both are usable without the other; what a web server would never send goes by a
Sender (sender.py). Nothing here blocks the event loop: a loopback connect
completes at once, and what can wait is awaited until a deadline.
"""

from __future__ import annotations

import functools
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from conformance.core.socket_type import SocketType
from conformance.profiles.handoff.sender import (
    RETRIES,
    BacklogFullError,
    HandoffError,
    MessageTooLargeError,
    NobodyListensError,
    PeerLeftError,
    Sender,
    WrongSocketTypeError,
)

__all__ = [
    "NO_DATA",
    "RETRIES",
    "BacklogFullError",
    "ClientKind",
    "HandoffError",
    "MessageTooLargeError",
    "NobodyListensError",
    "Pair",
    "PeerLeftError",
    "WrongSocketTypeError",
    "encode",
    "pair",
    "send",
    "target",
]

NO_DATA = b"\x00"
"""What the web server sends when a request has no handoff data (handoff.md)."""


class ClientKind(Enum):
    """What kind of connection the client has."""

    TCP = "tcp"
    UNIX = "unix"


@dataclass(frozen=True, slots=True)
class Pair:
    """A client connection: the client's end, and the end that a web server would hold."""

    client: socket.socket
    server: socket.socket

    def close(self) -> None:
        """Close both ends; an end that is closed already stays so."""
        self.client.close()
        self.server.close()


def pair(
    kind: ClientKind = ClientKind.TCP,
    *,
    blocking: bool = False,
    receive_buffer: int | None = None,
    send_buffer: int | None = None,
    nodelay: bool = True,
) -> Pair:
    """Make a connected client socket and its server end.

    The client's end never blocks. `blocking` is the server end's mode, which
    the daemon receives with the descriptor. `receive_buffer` shrinks the
    client's SO_RCVBUF (before the connection, so that the window is small from
    the start), `send_buffer` the server end's SO_SNDBUF; bytes, as in socket(7).
    Without `nodelay` the server end comes as the kernel made it, with Nagle's algorithm.
    """
    if kind is ClientKind.UNIX:
        client, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    else:
        client, server = _tcp_pair(receive_buffer)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if nodelay:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if send_buffer is not None:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    client.setblocking(False)
    server.setblocking(blocking)
    return Pair(client, server)


@functools.cache
def _listener() -> socket.socket:
    # One for the whole process: a listener for each pair would leave each of
    # its ports in TIME_WAIT, and a soak run would use them all up.
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    listener.setblocking(False)
    return listener


def _tcp_pair(receive_buffer: int | None) -> tuple[socket.socket, socket.socket]:
    listener = _listener()
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect(listener.getsockname())
        while True:
            server, peer = listener.accept()
            if peer == client.getsockname():
                return client, server
            server.close()  # a stranger who found the port
    except BaseException:
        client.close()
        raise


def target(descriptor: int) -> str:
    """What a descriptor of ours stands for, as /proc names it in every process that holds it."""
    return os.readlink(f"/proc/self/fd/{descriptor}")


def encode(payload: Mapping[str, Any] | bytes) -> bytes:
    r"""Handoff data as the web server's PHP writes it: compact, `\uXXXX` and `\/` escaped.

    Bytes are taken as they are.
    """
    if isinstance(payload, bytes):
        return payload
    # A slash can only stand inside a string, so this is safe on the whole text.
    return json.dumps(payload, separators=(",", ":")).replace("/", "\\/").encode()


async def send(
    path: str | os.PathLike[str],
    *,
    socket_type: SocketType,
    payload: bytes,
    descriptors: Sequence[int],
    deadline: float,
) -> float:
    """Send one handoff to the daemon's socket, and return when it was sent.

    One message carries the payload (NO_DATA when empty) and all descriptors;
    there may be none. On a STREAM socket what did not fit into the first
    message follows, then the sending side is shut down: the daemon's JSON ends
    at EOF. The connection is closed at once; the descriptors stay the
    caller's. `deadline` and the returned time are time.monotonic() seconds.
    Raises HandoffError.
    """
    async with Sender(path, socket_type=socket_type, deadline=deadline) as sender:
        sent_at = time.monotonic()
        await sender.send(payload or NO_DATA, descriptors)
        sender.end()
        return sent_at
