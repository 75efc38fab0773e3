"""HTTP/1.1 to the API: one request at a time on a connection.

h11 writes the request and reads the response's head, `http1_body` reads the
body. A connection is used again only if the response was complete, was not
followed by further bytes, and did not ask for the end of the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import h11

from llm_api import http1_body as body
from llm_api.failure import Failure, Unprocessed
from llm_api.link import Link
from llm_api.reply import Head, Reply
from llm_api.tls import Eof

_MAX_HEAD = 64 * 1024
_HIGH_WATER = 64 * 1024
"""Reading stops while more bytes of the body than this wait for the client."""


class Http1Session:
    """A connection that speaks HTTP/1.1."""

    def __init__(self, link: Link, on_change: Callable[[], None]) -> None:
        self._link = link
        self._on_change = on_change
        self._reply: _Http1Reply | None = None
        self._h11: h11.Connection | None = None
        self._body: body.Body | None = None
        self._reusable = True
        self._answered = False  # a byte of the response has arrived
        self._requests = 0
        self.closed = False
        self.idle_since = asyncio.get_running_loop().time()
        link.start(self)

    @property
    def slots(self) -> int:
        """How many requests it can take now."""
        return int(self._reply is None and not self.closed)

    @property
    def capacity(self) -> int:
        """How many requests such a connection can take at a time."""
        return 1

    @property
    def idle(self) -> bool:
        """Whether no request is running."""
        return self._reply is None

    def send(self, headers: Sequence[tuple[bytes, bytes]], content: bytes) -> Reply:
        """Send a request; pseudo-headers give its first line."""
        fields = dict(headers)
        self._h11 = connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        request = h11.Request(
            method=fields[b":method"],
            target=fields[b":path"],
            headers=[
                (b"host", fields[b":authority"]),
                *((name, value) for name, value in headers if not name.startswith(b":")),
            ],
        )
        body_events = [h11.Data(data=content)] if content else []
        pieces = [connection.send(event) for event in (request, *body_events, h11.EndOfMessage())]
        self._body = None
        self._answered = False
        self._reply = reply = _Http1Reply(self, self._link)
        self._requests += 1
        self._link.write(b"".join(piece for piece in pieces if piece))
        return reply

    def close(self) -> None:
        """Close the connection; a request under way fails."""
        self._end(Failure("the connection to the API was closed"))

    def abandon(self) -> None:
        """The reply is not wanted any more. HTTP/1.1 cannot cancel; it closes."""
        self._reply = None
        self.close()

    def on_bytes(self, data: bytes) -> None:
        """Link: bytes arrived."""
        if self._reply is None:
            self.close()  # no request is running
            return
        self._answered = True
        try:
            if self._body is None:
                data = self._read_head(self._reply, data)
            if self._body is not None:
                self._read_body(self._reply, self._body, data)
        except (h11.RemoteProtocolError, body.BadFramingError) as error:
            self._end(Failure(f"the API's response is malformed: {error}"))

    def on_eof(self, eof: Eof) -> None:
        """Link: the connection ended."""
        reply = self._reply
        if reply is None:
            self.close()
        elif self._body is not None:
            if eof is Eof.CLEAN and self._body.eof():
                self._reusable = False
                self._complete(reply)
            else:
                self._end(Failure("the API's response was cut short", code="upstream_truncated"))
        elif self._requests > 1 and not self._answered:
            self._end(Unprocessed("the API closed a connection that was in use", stale=True))
        else:
            self._end(Failure("the API closed the connection without a response"))

    def _read_head(self, reply: _Http1Reply, data: bytes) -> bytes:
        """Look for the final response's head; return the bytes after it."""
        assert self._h11 is not None
        self._h11.receive_data(data)
        while isinstance(event := self._h11.next_event(), h11.InformationalResponse):
            if event.status_code == 101:
                raise body.BadFramingError("it switches protocols without a request to do so")
        if not isinstance(event, h11.Response):
            return b""
        head = Head(
            event.status_code,
            [(name.decode("ascii"), value.decode("latin-1")) for name, value in event.headers],
        )
        self._body = self._framing(event, head.headers)
        reply.deliver_head(head)
        return self._h11.trailing_data[0]

    def _framing(self, event: h11.Response, headers: Mapping[str, str]) -> body.Body:
        """How the body is framed (RFC 9112 6.3); h11 has checked the fields' syntax."""
        connection = {option.strip().lower() for option in headers.get("connection", "").split(",")}
        self._reusable = event.http_version == b"1.1" and "close" not in connection
        if event.status_code in (204, 304):
            return body.Sized(0)
        if "transfer-encoding" in headers:
            if "content-length" in headers:  # smuggling, or a broken proxy on the way
                self._reusable = False
            return body.Chunked()
        if "content-length" in headers:
            return body.Sized(int(headers["content-length"]))
        self._reusable = False
        return body.ToEnd()

    def _read_body(self, reply: _Http1Reply, framed: body.Body, data: bytes) -> None:
        for piece in framed.feed(data) if data else ():
            reply.deliver(piece)
            if self._reply is not reply:
                return  # the reply was abandoned
        if framed.ended:
            # An API that answers before it has read the request may never read the rest.
            self._reusable = self._reusable and not framed.leftover and self._link.flushed
            self._complete(reply)

    def _complete(self, reply: _Http1Reply) -> None:
        self._reply = None
        self.idle_since = asyncio.get_running_loop().time()
        reply.finish()
        if self._reusable:
            self._link.resume()
            self._on_change()
        else:
            self.close()

    def _end(self, failure: Failure) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.fail(failure)
        if not self.closed:
            self.closed = True
            self._link.close()
            self._on_change()


class _Http1Reply(Reply):
    """A response on an HTTP/1.1 connection."""

    def __init__(self, session: Http1Session, link: Link) -> None:
        super().__init__()
        self._session = session
        self._link = link
        self._waiting = 0

    def deliver(self, data: bytes) -> None:
        """Stop reading while too much of the body waits."""
        self._waiting += len(data)
        if self._waiting > _HIGH_WATER:
            self._link.pause()
        super().deliver(data)

    def _consumed(self, size: int) -> None:
        self._waiting -= size
        if self._waiting <= _HIGH_WATER and not self._ended:
            self._link.resume()

    def _abandon(self, suspect: bool) -> None:
        self._session.abandon()
