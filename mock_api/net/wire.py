"""A connection's bytes: what came, and what the kernel took.

A wire acts like a non-blocking socket: `recv` and `send` raise BlockingIOError
where they would wait, and `send` says how much the kernel took. So nothing is
buffered between a script and the kernel, the journal's stamps are true, and a
stalled client stalls its script. As with OpenSSL, a send that would block must be
repeated with the same bytes. The plain wire is the socket itself; tls.py has the
other one.
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
    """The protocol agreed on in the TLS handshake; `h2` and `http/1.1` are offered."""

    def recv(self, size: int, /) -> bytes:
        """Bytes that came; b"" at the end. Raises BlockingIOError and OSError."""

    def send(self, data: bytes | memoryview, /) -> int:
        """How many bytes the kernel took. Raises BlockingIOError and OSError."""

    def fileno(self) -> int: ...

    def end(self, *, notify: bool) -> None:
        """Nothing more will be sent: FIN, over TLS after close_notify if asked. Never raises."""

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
            # asyncio does this only for sockets it made itself.
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def end(self, *, notify: bool) -> None:
        shut_down(self)

    def reset(self) -> None:
        linger_not(self)
        self.close()


def shut_down(sock: socket.socket) -> None:
    """Send FIN, unless the connection is gone already."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)


def linger_not(sock: socket.socket) -> None:
    """Make the coming close a reset. (On a Unix socket closing has no such mode.)"""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
