"""The bytes of an HTTP/2 connection: a thread that reads them, and a buffer of unsent bytes.

A sender sends as much as the socket takes, and wakes the thread for the rest. Only the
thread closes the descriptors: so no poll looks at a descriptor that was used again.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable

from upstream import Connection, LostError

_SENT_AT_A_TIME = 1 << 14


class Link:
    """A connection, under its user's lock."""

    def __init__(
        self,
        connection: Connection,
        lock: threading.RLock,
        *,
        receive: Callable[[bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        """receive, lost: called by the thread, with the lock held. OSError without descriptors."""
        self._connection = connection
        self._lock = lock
        self._receive = receive
        self._lost = lost
        self._ended = False
        self._out = bytearray()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def start(self) -> None:
        """Start the thread. RuntimeError where there can be none."""
        threading.Thread(target=self._run, daemon=True).start()

    def write(self, data: bytes) -> None:
        """Send these bytes, now or when there is room."""
        self._out += data
        try:
            self._send()
        except LostError as error:
            self._lost(f"the connection to the API broke: {error}")
        if self._out and not self._ended:
            os.eventfd_write(self._wake, 1)

    def end(self) -> None:
        """Have the thread close the connection."""
        self._ended = True
        os.eventfd_write(self._wake, 1)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        while not self._ended:
            poll.register(self._connection, select.POLLIN | (select.POLLOUT if self._out else 0))
            poll.poll()
            with self._lock:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._wake)
                try:
                    self._read()
                    self._send()
                except LostError as error:
                    self._lost(f"the connection to the API broke: {error}")
        self._connection.close()
        os.close(self._wake)

    def _read(self) -> None:
        while not self._ended and (data := self._connection.receive_now()) is not None:
            if not data:
                raise LostError("the API closed it")
            self._receive(data)

    def _send(self) -> None:
        while self._out and not self._ended:
            sent = self._connection.send(memoryview(bytes(self._out[:_SENT_AT_A_TIME])))
            if not sent:
                return
            del self._out[:sent]
