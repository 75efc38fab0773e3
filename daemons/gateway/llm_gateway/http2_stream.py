"""A stream of an HTTP/2 client: the request as it arrives, and the queue of the response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from enum import Enum
from typing import Protocol

from llm_gateway.connection import Alarm
from llm_gateway.http2_request import Head
from llm_gateway.message import Exchange, Fields

HIGH_WATER = 32 * 1024
"""A response has to wait while more unsent bytes than this are queued."""


class End(Enum):
    """How a response's message ends when its queue is empty."""

    COMPLETE = "END_STREAM"
    BROKEN = "RST_STREAM"


class Sender(Protocol):
    """The connection that sends a stream's bytes."""

    def send_head(self, stream: Stream, fields: Fields) -> None:
        """Send the head of the response."""

    def send_soon(self, stream: Stream) -> None:
        """The stream has bytes or an end to send."""


class Stream:
    """One request and its response; implements `message.Response`."""

    def __init__(
        self,
        sender: Sender,
        stream_id: int,
        head: Head,
        *,
        write_timeout: float,
        on_alarm: Callable[[Stream], None],
    ) -> None:
        self._sender = sender
        self._write_timeout = write_timeout
        self.stream_id = stream_id
        self.head = head
        self.body: list[bytes] = []
        self.size = 0
        """Bytes of the body that have arrived."""
        self.complete = False
        """The whole request has arrived."""
        self.exchange: Exchange | None = None
        self.unsent = bytearray()
        self.end: End | None = None
        """Set when the last byte of the response is queued."""
        self.closed = False
        self.alarm = Alarm(lambda: on_alarm(self))
        """Expires when the request does not arrive, or the client takes no bytes."""
        self._waiter: asyncio.Future[None] | None = None

    @property
    def congested(self) -> bool:
        """Whether the API has to wait because too many bytes are unsent."""
        return len(self.unsent) > HIGH_WATER

    def start(self, status: int, fields: Fields, *, length: int | None = None) -> None:
        """Send the head."""
        lines = [(":status", str(status)), ("date", formatdate(usegmt=True)), *fields]
        if length is not None:
            lines.append(("content-length", str(length)))
        if not self.closed:
            self._sender.send_head(self, lines)

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        if not data or self.closed or self.end is not None or self.head.method == "HEAD":
            return
        if not self.unsent:
            self.alarm.set(self._write_timeout)
        self.unsent += data
        self._sender.send_soon(self)

    async def drain(self) -> None:
        """Wait until everything has been sent."""
        while self.unsent and not self.closed:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def finish(self) -> None:
        """End the stream with END_STREAM."""
        self._end(End.COMPLETE)

    def break_off(self) -> None:
        """End the stream with RST_STREAM: the answer is not complete."""
        self._end(End.BROKEN)

    def cut(self) -> None:
        """End the stream with RST_STREAM, as `break_off` does."""
        self._end(End.BROKEN)

    def progress(self, size: int) -> None:
        """This many bytes of the queue were sent."""
        del self.unsent[:size]
        if self.unsent:
            self.alarm.set(self._write_timeout)
            return
        self.alarm.cancel()
        self._wake()

    def close(self) -> None:
        """The stream has ended, or its connection."""
        self.closed = True
        self.unsent.clear()
        self.alarm.cancel()
        self._wake()

    def _end(self, end: End) -> None:
        if self.end is None and not self.closed:
            self.end = end
            self._sender.send_soon(self)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
