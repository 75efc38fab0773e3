"""HTTP/1.1 from clients: one request at a time on a connection (RFC 9112).

A request that has two readings is refused, and the connection closed: the bytes
after it cannot be trusted to be a request. Requests that arrive while a response
is running, or while the client does not read, wait in the buffer (pipelining). If
too many bytes wait, the gateway discards them and closes after the response, so that
it still sees the client leave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum

from llm_api.failure import ClientLeft, Failure
from llm_api.http1_body import BadFramingError, Body

from llm_gateway import request_head
from llm_gateway.connection import Alarm, Terms
from llm_gateway.errors import BadRequest, Slow, TooLarge
from llm_gateway.http1_response import Http1Response
from llm_gateway.message import Exchange, Request
from llm_gateway.peer import Peer

_MAX_WAITING = 128 * 1024
"""Bytes that may wait for the end of a response."""


class _State(Enum):
    HEAD = "reading a head, or idle"
    BODY = "reading a body"
    ANSWERING = "a response is running"
    CLOSING = "no further request is read"


class Http1Connection:
    """A client's connection that speaks HTTP/1.1."""

    def __init__(self, peer: Peer, terms: Terms, on_closed: Callable[[], None]) -> None:
        self._peer = peer
        self._terms = terms
        self._on_closed = on_closed
        self._state = _State.HEAD
        self._input = bytearray()
        self._head: request_head.Head | None = None
        self._body: Body | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._exchange: Exchange | None = None
        self._response: Http1Response | None = None
        self._draining = False
        self._alarm = Alarm(self._on_alarm)
        self._alarm.set(terms.limits.keep_alive)
        peer.receiver = self

    @property
    def idle(self) -> bool:
        """Whether it has no request, complete or begun."""
        return self._state is _State.HEAD and not self._input

    def drain(self) -> None:
        """Take no further requests, and close when the running one has ended."""
        self._draining = True
        if self._response is not None:
            self._response.persistent = False
        elif self.idle:
            self._close()

    def abort(self) -> None:
        """Close now."""
        self._peer.abort()

    # Calls by the peer.

    def on_bytes(self, data: bytes) -> None:
        """Peer: bytes arrived."""
        if self._state is _State.CLOSING:
            return
        if self._state is _State.BODY:
            self._guarded(self._read_body, data)
            return
        if self.idle:
            self._alarm.set(self._terms.limits.request_time)
        self._input += data
        if self._state is _State.HEAD and not self._peer.congested:
            self._guarded(self._read_head)
        elif len(self._input) > _MAX_WAITING:
            self._input.clear()
            self._state = _State.CLOSING
            if self._response is not None:
                self._response.persistent = False
            else:
                self._close()

    def on_left(self, how: str) -> None:
        """Peer: the client left."""
        exchange, self._state = self._exchange, _State.CLOSING
        if exchange is not None:
            exchange.interrupt(ClientLeft(f"the client {how}"))
            if self._response is not None:
                self._response.wake()
        else:
            self._close()

    def on_drained(self) -> None:
        """Peer: every byte has been sent."""
        if self._response is not None:
            self._response.wake()
        elif self._input:
            self._next()

    def on_closed(self) -> None:
        """Peer: the connection is closed."""
        self._alarm.cancel()
        if self._response is not None:
            self._response.wake()
        self._on_closed()

    # Requests.

    def _guarded(self, read: Callable[..., None], *args: bytes) -> None:
        """Read a part of a request; refuse what is malformed."""
        try:
            read(*args)
        except Failure as failure:
            self._refuse(failure)
        except BadFramingError:
            self._refuse(BadRequest("the request's chunks are malformed"))

    def _read_head(self) -> None:
        data = request_head.cut_head(self._input)
        if data is None:
            return
        self._head = None
        self._head = head = request_head.parse(data)
        self._body = head.body()
        self._pieces, self._size = [], 0
        if int(head.headers.get("content-length", "0")) > self._terms.limits.body:
            raise self._too_large()
        self._state = _State.BODY
        rest = bytes(self._input)
        self._input.clear()
        if head.expects_continue and not rest and not self._body.ended:
            self._peer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._read_body(rest)

    def _read_body(self, data: bytes) -> None:
        assert self._body is not None
        for piece in self._body.feed(data) if data else ():
            self._pieces.append(piece)
            self._size += len(piece)
            if self._size > self._terms.limits.body:
                raise self._too_large()
        if self._body.ended:
            self._input += self._body.leftover
            self._serve()
        else:
            self._alarm.set(self._terms.limits.request_time)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"the request's body has more than {self._terms.limits.body} bytes")

    def _serve(self) -> None:
        assert self._head is not None
        head = self._head
        body = b"".join(self._pieces)
        self._pieces = []
        self._alarm.cancel()
        self._state = _State.ANSWERING
        self._response = Http1Response(self._peer, head, self._on_response_end)
        self._response.persistent = head.persistent and not self._draining
        request = Request(head.method, head.path, head.headers, body)
        self._exchange = self._terms.service.serve(request, self._response)

    def _refuse(self, failure: Failure) -> None:
        """Answer a request that could not be read, and close."""
        self._alarm.cancel()
        self._state = _State.CLOSING
        self._response = Http1Response(self._peer, self._head, self._on_response_end)
        self._response.persistent = False
        self._terms.service.refuse(failure, self._response)

    def _on_response_end(self) -> None:
        response, self._response, self._exchange = self._response, None, None
        if response is None or not response.persistent or self._state is _State.CLOSING:
            self._close()
            return
        self._state = _State.HEAD
        limits = self._terms.limits
        self._alarm.set(limits.request_time if self._input else limits.keep_alive)
        if self._input:
            # A new turn of the loop: many pipelined requests must not nest.
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Read the next request, unless responses wait for a client that does not read."""
        if self._state is _State.HEAD and not self._peer.closed and not self._peer.congested:
            self._guarded(self._read_head)

    def _on_alarm(self) -> None:
        if self.idle:
            self._close()
        else:
            self._refuse(Slow("the request did not arrive in time"))

    def _close(self) -> None:
        self._state = _State.CLOSING
        self._alarm.cancel()
        self._peer.finish()
