"""Notices a client that takes no bytes although bytes are queued for it."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Callable


class StallWatch:
    """Compares, once in each timeout, how many bytes the client's side has acknowledged.

    The kernel reports room for writing only when a third of a large buffer is
    free. That is too coarse to tell a slow reader from a client that does not read.
    """

    def __init__(
        self,
        sock: socket.socket,
        timeout: float,
        *,
        unsent: Callable[[], bool],
        on_stall: Callable[[], None],
    ) -> None:
        """
        Args:
            timeout: seconds without an acknowledged byte.
            unsent: whether bytes are queued now.
            on_stall: called once when the timeout has expired.
        """
        self._sock = sock
        self._timeout = timeout
        self._unsent = unsent
        self._on_stall = on_stall
        self._timer: asyncio.TimerHandle | None = None
        self.sent = 0
        """Bytes that the kernel took so far; the owner of the socket counts them."""

    def start(self) -> None:
        """Bytes are queued: watch until they have left."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._timeout, self._check, self._acknowledged())

    def stop(self) -> None:
        """The socket is closed."""
        if self._timer is not None:
            self._timer.cancel()

    def _check(self, before: int) -> None:
        self._timer = None
        if not self._unsent():
            return
        if self._acknowledged() > before:
            self.start()
        else:
            self._on_stall()

    def _acknowledged(self) -> int:
        try:
            queued = fcntl.ioctl(self._sock, termios.TIOCOUTQ, b"\0\0\0\0")
        except OSError:
            return self.sent
        return self.sent - int(struct.unpack("i", queued)[0])
