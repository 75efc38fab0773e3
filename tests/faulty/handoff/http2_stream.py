"""One response on an HTTP/2 stream: filled by the connection's thread, read by its exchange.

Between the two stands a descriptor that is readable when there is something
new, so that an exchange waits for its stream as it waits for anything else.
What has come is handed over together with how it stands at that moment: the
end, or a problem, is seen only when all that came before it has been read.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from http1 import Head
from switch import fault

if TYPE_CHECKING:
    from http2 import Session

_OF_HTTP1 = frozenset(
    ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
)
"""Fields that make an HTTP/2 message malformed (RFC 9113 8.2.2)."""


class Stream:
    """A request that was sent, and what has come of its response."""

    def __init__(self, session: Session, number: int, request: bytes, *, reused: bool) -> None:
        """reused: the connection has answered others before. OSError without descriptors."""
        self.number = number
        self.unsent = memoryview(request)
        """Of the request's body."""
        self.reused = reused
        self.unprocessed = False
        """The API said, or it is certain, that it did nothing with the request (U8)."""
        self.was_reset = False
        """For a fault."""
        self.owed = 0
        """Bytes that were taken and not yet given back to the stream's window."""
        self.missing: int | None = None
        """Bytes of the body still to come, where Content-Length says how many."""
        self.head: Head | None = None
        self.over = False
        self.problem: str | None = None
        self._session = session
        self._arrived = bytearray()
        self._head: Head | None = None
        self._ended = False
        self._problem: str | None = None
        self._ready = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        return self._ready

    # The exchange's side

    def take(self) -> bytes:
        """What has come of the body; afterwards look at the head, the end and the problem."""
        with self._session.lock:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._ready)
            if fault("h2_answer_after_request") and self.unsent and not self._problem:
                return b""
            data = bytes(self._arrived)
            self._arrived.clear()
            self.head, self.problem = self._head, self._problem
            self.over = self._ended or self._problem is not None
            self._session.taken(self, len(data))
        return data

    def close(self) -> None:
        """The exchange is done with it."""
        self._session.leave(self)
        os.close(self._ready)

    # The connection's side, under its lock

    @property
    def closed(self) -> bool:
        """The response has ended, well or not."""
        return self._ended or self._problem is not None

    @property
    def started(self) -> bool:
        """Something of the response has come."""
        return self._head is not None

    def begin(self, fields: list[tuple[bytes, bytes]]) -> None:
        """The head came. ValueError where it is malformed."""
        named = [(name.decode("ascii"), value.decode("latin-1")) for name, value in fields]
        for name, _ in named:
            if name in _OF_HTTP1 or name != name.lower():
                raise ValueError(f"it has the field {name!r}")
        head = Head(int(dict(named)[":status"]), 2, tuple(named))
        length = head.get("content-length")
        if length is not None and not fault("h2_length_unchecked"):
            self.missing = int(length)
        self._head = head
        self.tell()

    def add(self, data: bytes) -> None:
        """More of the body came. ValueError where it is more than there can be."""
        if self.missing is not None:
            self.missing -= len(data)
            if self.missing < 0:
                raise ValueError("it is longer than its Content-Length")
        self._arrived += data
        self.tell()

    def end(self) -> None:
        """The body ended in order. ValueError where it is too short."""
        if self.missing:
            raise ValueError("it is shorter than its Content-Length")
        self._ended = True
        self.tell()

    def fail(self, problem: str) -> None:
        """Nothing more comes."""
        self._problem = problem
        self.tell()

    def tell(self) -> None:
        """Wake the exchange."""
        os.eventfd_write(self._ready, 1)
