"""A client's socket, taken over from the web server.

Its file description is shared: the sender may still hold a copy, and options
set before the handoff stay set. So the daemon leaves O_NONBLOCK as it is, and
every send and receive uses MSG_DONTWAIT. Closing does not end the connection
while the sender holds a copy, so the daemon shuts it down.

The daemon watches the client for as long as it serves it, and discards the bytes
that it sends. A client that shut down its sending side has left (R9 allows
that): a client that closed looks the same until the daemon writes, and the API
may be silent for minutes. After the last byte the daemon shuts down its side. It
closes when the client has closed, or a moment later, because closing with unread
input resets the connection, and the client then loses the tail of the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from llm_api.stall import StallWatch

_HIGH_WATER = 32 * 1024
"""The API has to wait while more unsent bytes than this are queued."""
_LINGER_TIME = 1.0
_LINGER_SIZE = 1024 * 1024
"""Seconds and bytes for which input is discarded after the end (R8)."""

_scratch = bytearray(64 * 1024)  # input of clients, discarded


class Client:
    """A connected stream socket and the queue of its unsent bytes."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        write_timeout: float,
        on_gone: Callable[[str], None],
        on_closed: Callable[[], None],
    ) -> None:
        """Take the socket over.

        on_gone: called once if the client leaves before `finish`, with a description
        of how it left. End its exchange, and `abort` or `finish`.
        on_closed: called once, when the descriptor is closed.
        """
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._on_gone = on_gone
        self._on_closed = on_closed
        self._unsent = bytearray()
        self._stall = StallWatch(
            sock, write_timeout, unsent=lambda: bool(self._unsent), on_stall=self._on_stall
        )
        self._drained: asyncio.Future[None] | None = None
        self._gone = False
        self._finishing = False
        self._linger_timer: asyncio.TimerHandle | None = None
        self._discarded = 0
        self.closed = False
        with contextlib.suppress(OSError):
            # A linger time set before the handoff would make close() block the loop.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(sock, self._on_readable)

    @property
    def present(self) -> bool:
        """Whether it is still connected, according to its socket now."""
        for _ in range(16):  # its FIN may follow an unread request
            if self._gone or not self._discard():
                break
        return not self._gone

    @property
    def congested(self) -> bool:
        """Whether the API has to wait because too many bytes are unsent."""
        return len(self._unsent) > _HIGH_WATER

    def write(self, data: bytes) -> None:
        """Send, now or as soon as the client takes it. Discarded if the client has left."""
        if self.closed or self._finishing or not data:
            return
        if self._unsent:
            self._unsent += data
            return
        sent = self._send(data)
        if sent < len(data) and not self.closed:
            self._unsent += data[sent:]
            self._loop.add_writer(self._sock, self._on_writable)
            self._stall.start()

    async def drain(self) -> None:
        """Wait until everything has been sent."""
        while self._unsent and not self.closed:
            self._drained = self._loop.create_future()
            try:
                await self._drained
            finally:
                self._drained = None

    def finish(self) -> None:
        """Send the unsent bytes, then end the connection gently."""
        if self.closed or self._finishing:
            return
        self._finishing = True
        if not self._unsent:
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

    def _send(self, data: bytes | bytearray) -> int:
        try:
            sent = self._sock.send(data, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._leave("reset the connection")
            return 0
        self._stall.sent += sent
        return sent

    def _on_writable(self) -> None:
        del self._unsent[: self._send(self._unsent)]
        if self._unsent or self.closed:
            return
        self._loop.remove_writer(self._sock)
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        if self._finishing:
            self._shut_down()

    def _on_readable(self) -> None:
        self._discard()

    def _discard(self) -> bool:
        """Read and discard; return whether bytes were there."""
        try:
            size = self._sock.recv_into(_scratch, 0, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self._leave("reset the connection")
            return False
        if not size:
            self._loop.remove_reader(self._sock)  # at EOF it would stay readable
            self._leave("closed the connection or its sending side")
        elif self._linger_timer is not None:
            self._discarded += size
            if self._discarded >= _LINGER_SIZE:
                self._close()
        return size > 0

    def _leave(self, how: str) -> None:
        if self.closed:
            return
        reset = how.startswith("reset")
        if self._linger_timer is not None or (self._finishing and reset):
            self._close()
        elif self._finishing:
            self._gone = True  # it may have shut down one side only, and still read the tail
        elif not self._gone:
            self._gone = True
            if reset:
                self._close()
            self._on_gone(how)

    def _on_stall(self) -> None:
        finishing = self._finishing
        self.abort()
        if not finishing and not self._gone:
            self._gone = True
            self._on_gone("stopped reading")

    def _shut_down(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close()
            return
        if self._gone:
            self._close()  # its input has ended already
            return
        self._linger_timer = self._loop.call_later(_LINGER_TIME, self._close)

    def _close(self) -> None:
        if self.closed:
            return
        self.closed = True
        # The description outlives the descriptor if the sender holds a copy,
        # and epoll would go on reporting it.
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        self._stall.stop()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._on_closed()
