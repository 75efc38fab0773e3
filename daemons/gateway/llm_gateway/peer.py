"""A client's connection: bytes in, bytes out, TLS in between.

The gateway reads a connection as long as it is open, also while a response is
running: the end of the client's input is the only sign that the client left. A
client that shut down its sending side has left (R9 allows that), because a
client that closed looks the same until the gateway writes.

The last byte is followed by a shutdown of the sending side. The close follows
when the client has closed, or a moment later: closing with unread input resets
the connection, and the client then loses the tail of the response.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from typing import Protocol

from llm_api.stall import StallWatch
from llm_api.tls import Eof, Tls

_READ_SIZE = 64 * 1024
_HIGH_WATER = 32 * 1024
"""Responses have to wait while more unsent bytes than this are queued."""
_LINGER_TIME = 1.0
_LINGER_SIZE = 1024 * 1024
"""Seconds and bytes for which input is discarded after the end."""


class Receiver(Protocol):
    """The code that speaks the connection's protocol; called from the event loop."""

    def on_bytes(self, data: bytes) -> None:
        """Bytes arrived, decrypted."""

    def on_left(self, how: str) -> None:
        """The client left; `how` completes the sentence "the client …". Called once.

        If only its input ended, it may still read: `finish` or `abort` the peer.
        """

    def on_drained(self) -> None:
        """Every queued byte has been sent."""

    def on_closed(self) -> None:
        """The connection is closed. Called once, after everything else."""


class Peer:
    """An accepted connection."""

    def __init__(
        self, sock: socket.socket, tls: ssl.SSLContext | None, *, write_timeout: float
    ) -> None:
        """write_timeout: seconds after which a client that takes no byte has left."""
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._tls = Tls(tls) if tls is not None else None
        self._handshaking = tls is not None
        self._unsent = bytearray()
        self._stall = StallWatch(
            sock, write_timeout, unsent=lambda: bool(self._unsent), on_stall=self._on_stall
        )
        self._linger_timer: asyncio.TimerHandle | None = None
        self._discarded = 0
        self._left = False
        self._finishing = False
        self.closed = False
        self.receiver: Receiver
        """Set by the owner before `start`."""

    def start(self) -> None:
        """Begin to read."""
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(self._sock, self._on_readable)
        self._on_readable()

    @property
    def alpn(self) -> str | None:
        """The protocol that the TLS handshake agreed on."""
        return self._tls.alpn if self._tls is not None else None

    @property
    def unsent(self) -> int:
        """The number of queued bytes."""
        return len(self._unsent)

    @property
    def congested(self) -> bool:
        """Whether responses have to wait because too many bytes are queued."""
        return len(self._unsent) > _HIGH_WATER

    def read_now(self) -> None:
        """Read the bytes that have arrived, without waiting for the event loop."""
        if not self.closed and not self._left:
            self._on_readable()

    def write(self, data: bytes) -> None:
        """Send, now or as soon as the client takes it."""
        if data and not self.closed and not self._finishing:
            self._send(self._tls.encrypt(data) if self._tls is not None else data)

    def finish(self) -> None:
        """Send the queued bytes, then end the connection gently."""
        if self.closed or self._finishing:
            return
        if self._handshaking:
            self.abort()
            return
        if self._tls is not None:
            self._send(self._tls.close_notify())
        self._finishing = True
        if not self._unsent and not self.closed:
            self._shut_down()

    def abort(self) -> None:
        """End the connection now, by a reset if bytes are unsent."""
        if self.closed:
            return
        with contextlib.suppress(OSError):
            if self._unsent:
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sock.shutdown(socket.SHUT_RDWR)
        self._close()

    # Reading.

    def _on_readable(self) -> None:
        try:
            data = self._sock.recv(_READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._leave("reset the connection")
            return
        if not data:
            self._on_end()
        elif self._finishing or self._left:
            self._discard(len(data))
        elif self._tls is not None:
            self._decrypt(self._tls, data)
        else:
            self.receiver.on_bytes(data)

    def _decrypt(self, tls: Tls, data: bytes) -> None:
        if self._handshaking:
            try:
                self._handshaking = not tls.handshake(data)
            except ssl.SSLError:
                self._send(tls.pending())  # the alert that explains it
                self._leave("failed the TLS handshake")
                return
            self._send(tls.pending())
            if self._handshaking or self.closed:
                return
            data = b""
        plain, eof = tls.decrypt(data)
        if plain:
            self.receiver.on_bytes(plain)
        self._send(tls.pending())  # key updates and the like
        if eof is not None and not self.closed:
            self._on_end() if eof is Eof.CLEAN else self._leave("broke the TLS connection")

    def _on_end(self) -> None:
        self._loop.remove_reader(self._sock)  # at EOF it would stay readable
        if self._linger_timer is not None:
            self._close()
        elif self._finishing:
            self._left = True  # it may still read the tail
        else:
            self._leave("closed the connection or its sending side", reset=False)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._linger_timer is not None and self._discarded >= _LINGER_SIZE:
            self._close()

    def _leave(self, how: str, *, reset: bool = True) -> None:
        if self.closed:
            return
        first, self._left = not self._left and not self._finishing, True
        if reset:
            self._close_quietly()
        if first:
            self.receiver.on_left(how)
        if reset:
            self.receiver.on_closed()

    # Writing.

    def _send(self, data: bytes) -> None:
        if not data or self.closed:
            return
        if not self._unsent:
            data = data[self._push(data) :]
            if not data or self.closed:
                return
            self._loop.add_writer(self._sock, self._on_writable)
            self._stall.start()
        self._unsent += data

    def _push(self, data: bytes | bytearray) -> int:
        """Give bytes to the kernel; return how many it took."""
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._leave("reset the connection")
            return 0
        self._stall.sent += sent
        return sent

    def _on_writable(self) -> None:
        del self._unsent[: self._push(self._unsent)]
        if self._unsent or self.closed:
            return
        self._loop.remove_writer(self._sock)
        if self._finishing:
            self._shut_down()
        else:
            self.receiver.on_drained()

    def _on_stall(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._leave("stopped reading")

    # The end.

    def _shut_down(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close()
            return
        if self._left:
            self._close()  # its input has ended already
            return
        self._linger_timer = self._loop.call_later(_LINGER_TIME, self._close)

    def _close(self) -> None:
        if not self.closed:
            self._close_quietly()
            self.receiver.on_closed()

    def _close_quietly(self) -> None:
        self.closed = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        self._stall.stop()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
