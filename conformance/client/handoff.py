"""Hand a client's socket to a daemon, the way the web server does it.

The web server connects to the daemon's Unix socket, sends one message (the
handoff data and the client's descriptor), reads nothing back and closes. It
keeps nothing: what it had set on the client's socket before (O_NONBLOCK,
TCP_NODELAY) stays set, because both descriptors share one file description.

`pair` makes the two ends of a client connection, `send` passes one of them on.
Both are usable without the other, so that a scenario can send no descriptor,
several, or the wrong kind. Nothing here blocks the event loop: a loopback
connect completes at once, and what can wait is awaited until a deadline.
"""

from __future__ import annotations

import asyncio
import errno
import functools
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from conformance.socket_type import SocketType

NO_DATA = b"\x00"
"""What the web server sends when a request has no handoff data (handoff.md)."""

RETRIES = (0.010, 0.020)
"""Pauses, in seconds, after which the web server tries again when nobody listens."""

BACKLOG_PAUSE = 0.002
"""Seconds between tries while the daemon's backlog is full. The kernel offers no event to
wait for. The web server would give its user a 503 here; the suite starts a whole catalog
at once and has only its own haste to blame."""


class ClientKind(Enum):
    """What kind of connection the client has."""

    TCP = "tcp"
    UNIX = "unix"


class HandoffError(Exception):
    """The handoff could not be delivered. The message says why and what to do."""


class NobodyListensError(HandoffError):
    """No daemon accepts on the socket: ENOENT or ECONNREFUSED, also after the retries."""


class WrongSocketTypeError(HandoffError):
    """The daemon listens on the other socket type: EPROTOTYPE."""


class BacklogFullError(HandoffError):
    """The daemon accepted nothing until the deadline."""


class MessageTooLargeError(HandoffError):
    """The payload does not fit into one message: EMSGSIZE."""


class PeerLeftError(HandoffError):
    """The daemon closed the connection before the message was sent: EPIPE or ECONNRESET."""


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
) -> Pair:
    """Make a connected client socket and its server end.

    The client's end never blocks. `blocking` is the server end's mode, which
    the daemon receives with the descriptor. `receive_buffer` shrinks the
    client's SO_RCVBUF (before the connection, so that the window is small from
    the start), `send_buffer` the server end's SO_SNDBUF; bytes, as in socket(7).
    """
    if kind is ClientKind.UNIX:
        client, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    else:
        client, server = _tcp_pair(receive_buffer)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
    with socket.socket(socket.AF_UNIX, socket_type.number) as daemon:
        daemon.setblocking(False)
        await _connect(daemon, os.fspath(path), socket_type, deadline)
        data = payload or NO_DATA
        sent_at = time.monotonic()
        try:
            sent = (
                socket.send_fds(daemon, [data], descriptors) if descriptors else daemon.send(data)
            )
            if sent < len(data):
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await asyncio.get_running_loop().sock_sendall(daemon, data[sent:])
            if socket_type is SocketType.STREAM:
                daemon.shutdown(socket.SHUT_WR)
        except TimeoutError:
            raise PeerLeftError(
                f"the daemon on {os.fspath(path)} did not read the {len(data)} bytes of handoff "
                "data by the deadline"
            ) from None
        except OSError as error:
            raise _failure(error, os.fspath(path), socket_type, len(data)) from error
        return sent_at


async def _connect(
    daemon: socket.socket, path: str, socket_type: SocketType, deadline: float
) -> None:
    retries = iter(RETRIES)
    while True:
        try:
            daemon.connect(path)
        except BlockingIOError:
            pause = BACKLOG_PAUSE
            if time.monotonic() + pause > deadline:
                raise BacklogFullError(
                    f"the backlog of {path} was full until the deadline: the daemon accepts "
                    "too slowly, or not at all"
                ) from None
        except (FileNotFoundError, ConnectionRefusedError) as error:
            pause = next(retries, -1.0)
            if pause < 0:
                raise _failure(error, path, socket_type, 0) from error
        except OSError as error:
            raise _failure(error, path, socket_type, 0) from error
        else:
            return
        await asyncio.sleep(pause)


def _failure(error: OSError, path: str, socket_type: SocketType, size: int) -> HandoffError:
    match error.errno:
        case errno.ENOENT:
            return NobodyListensError(f"there is no socket {path}: the daemon did not make it")
        case errno.ECONNREFUSED:
            return NobodyListensError(
                f"nobody listens on {path} (connection refused): the daemon has died, or left "
                "its socket behind"
            )
        case errno.EPROTOTYPE:
            other = next(each for each in SocketType if each is not socket_type)
            return WrongSocketTypeError(
                f"the manifest says {socket_type.value} but the daemon listens on {other.value} "
                f"({path}); set socket_type to what the daemon uses"
            )
        case errno.EMSGSIZE:
            return MessageTooLargeError(
                f"{size} bytes of handoff data do not fit into one message; the largest is "
                "212,960 bytes with the default send buffer"
            )
        case errno.EPIPE | errno.ECONNRESET:
            return PeerLeftError(
                f"the daemon on {path} closed the connection before the handoff was sent"
            )
        case _:
            return HandoffError(f"handoff to {path}: {error}")
