"""A wire: the bytes of a connection, as the kernel delivers and takes them.

A wire acts like a non-blocking socket: `recv` and `send` raise BlockingIOError if they would
wait, and `send` returns how much the kernel took. Nothing is buffered between a script and
the kernel. So the journal's times are true, and a stalled client stalls its script. As with
OpenSSL, a send that would block must be repeated with the same bytes. The plain wire is the
socket itself; tls.py has the other one.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Protocol

_NO_LINGER = struct.pack("ii", 1, 0)


class Wire(Protocol):
    """What a connection asks of its socket."""

    transport: str
    """`tcp`, `tls` or `unix`."""
    alpn: str | None
    """The protocol of the TLS handshake; the mock offers `h2` and `http/1.1`."""

    def recv(self, size: int, /) -> bytes:
        """Received bytes; b"" at the end. Raises BlockingIOError and OSError."""

    def send(self, data: bytes | memoryview, /) -> int:
        """How many bytes the kernel took. Raises BlockingIOError and OSError."""

    def fileno(self) -> int: ...

    def end(self, *, notify: bool) -> None:
        """Send FIN, over TLS after close_notify if `notify`. Never raises."""

    def reset(self) -> None:
        """Close with RST. Never raises."""

    def close(self) -> None: ...


class PlainWire(socket.socket):
    """A TCP or Unix socket."""

    __slots__ = ("transport",)
    alpn: str | None = None

    def __init__(self, accepted: socket.socket) -> None:
        unix = accepted.family == socket.AF_UNIX
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self.setblocking(False)
        self.transport = "unix" if unix else "tcp"
        if not unix:
            # asyncio does this only for the sockets that it makes itself.
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def end(self, *, notify: bool) -> None:
        shut_down(self)

    def reset(self) -> None:
        linger_not(self)
        self.close()


def shut_down(sock: socket.socket) -> None:
    """Send FIN, unless the connection has ended."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)


def linger_not(sock: socket.socket) -> None:
    """Make the next close a reset. (A Unix socket cannot do this.)"""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
