"""A client's connection as a web server holds it: the client's end and the server's end."""

from __future__ import annotations

import functools
import os
import socket
from dataclasses import dataclass
from enum import Enum


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
    client: ClientKind = ClientKind.TCP,
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
    Without `nodelay` the server end keeps Nagle's algorithm, the kernel's default.
    """
    if client is ClientKind.UNIX:
        near, server = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        if receive_buffer is not None:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    else:
        near, server = _tcp_pair(receive_buffer)
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if nodelay:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if send_buffer is not None:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    near.setblocking(False)
    server.setblocking(blocking)
    return Pair(near, server)


@functools.cache
def _listener() -> socket.socket:
    # One for the whole process: a listener for each pair would leave its port in
    # TIME_WAIT, and a soak run would use up all ports.
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
            server.close()  # another process connected to the port
    except BaseException:
        client.close()
        raise


def target(descriptor: int) -> str:
    """The descriptor's target, as /proc names it in every process that holds it."""
    return os.readlink(f"/proc/self/fd/{descriptor}")
