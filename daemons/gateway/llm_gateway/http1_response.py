"""A response to an HTTP/1.1 request: head, chunks, and the end of the message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

from llm_gateway.message import Fields
from llm_gateway.peer import Peer
from llm_gateway.request_head import Head

_BODILESS = (204, 304)


class Http1Response:
    """The response to one request."""

    def __init__(self, peer: Peer, head: Head | None, on_end: Callable[[], None]) -> None:
        """
        Args:
            head: of the request, or None if it could not be read.
            on_end: called once, after the last byte was queued.
        """
        self._peer = peer
        self._on_end = on_end
        self._bodiless = head is not None and head.method == "HEAD"
        self._can_chunk = head is not None and head.chunked
        self._chunked = False
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None
        self.persistent = True
        """The connection stays open after the response."""

    @property
    def congested(self) -> bool:
        """Whether the API has to wait because too many bytes are unsent."""
        return self._peer.congested

    def start(self, status: int, fields: Fields, *, length: int | None = None) -> None:
        """Send the head."""
        lines = [f"HTTP/1.1 {status} {_reason(status)}", f"date: {formatdate(usegmt=True)}"]
        lines += (f"{name}: {value}" for name, value in fields)
        if status in _BODILESS:
            self._bodiless = True
        elif length is not None:
            lines.append(f"content-length: {length}")
        elif self._can_chunk:
            self._chunked = True
            lines.append("transfer-encoding: chunked")
        else:
            self.persistent = False  # the end of the connection ends the body
        if not self.persistent:
            lines.append("connection: close")
        self._peer.write("\r\n".join((*lines, "", "")).encode("latin-1"))

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        if not data or self._bodiless or self._ended:
            return
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self._peer.write(data)

    async def drain(self) -> None:
        """Wait until everything has been sent."""
        while self._peer.unsent and not self._peer.closed:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def finish(self) -> None:
        """End the message."""
        if self._ended:
            return
        if self._chunked and not self._bodiless:
            self._peer.write(b"0\r\n\r\n")
        self._ended = True
        self._on_end()

    def break_off(self) -> None:
        """End the message as `finish` does: its last event was an error event."""
        self.finish()

    def cut(self) -> None:
        """End the connection without the end of the message."""
        if not self._ended:
            self._ended = True
            self.persistent = False
            self._on_end()

    def wake(self) -> None:
        """Bytes were sent, or the client left."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
