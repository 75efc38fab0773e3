"""The first bytes of a connection decide its protocol: HTTP/1.1, or HTTP/2."""

from __future__ import annotations

from collections.abc import Callable

from llm_gateway.connection import Alarm, Connection, Terms
from llm_gateway.http1 import Http1Connection
from llm_gateway.http2 import Http2Connection
from llm_gateway.http2_settings import PREFACE
from llm_gateway.peer import Peer


class Opening:
    """A connection whose protocol is not known yet; afterwards it passes calls on."""

    def __init__(self, peer: Peer, terms: Terms, on_closed: Callable[[Connection], None]) -> None:
        self._peer = peer
        self._terms = terms
        self._on_end = on_closed
        self._first = b""
        self._connection: Connection | None = None
        self._draining = False
        self._alarm = Alarm(peer.abort)
        self._alarm.set(terms.limits.request_time)
        peer.receiver = self

    @property
    def idle(self) -> bool:
        """Whether it has no request, complete or begun."""
        return self._connection.idle if self._connection is not None else not self._first

    def drain(self) -> None:
        """Take no further requests, and close when the running ones have ended."""
        self._draining = True
        self._peer.read_now()
        if self._connection is not None:
            self._connection.drain()
        elif not self._first:
            self._peer.finish()

    def abort(self) -> None:
        """Close now."""
        self._peer.abort()

    def on_bytes(self, data: bytes) -> None:
        """Peer: bytes arrived, the first ones."""
        self._first += data
        start = self._first[: len(PREFACE)]
        if self._peer.alpn != "h2" and PREFACE.startswith(start) and len(start) < len(PREFACE):
            return  # it may become either
        self._alarm.cancel()
        connection: Http1Connection | Http2Connection
        if start == PREFACE or self._peer.alpn == "h2":
            connection = Http2Connection(self._peer, self._terms, self.on_closed)
        else:
            connection = Http1Connection(self._peer, self._terms, self.on_closed)
        self._connection = connection
        first, self._first = self._first, b""
        connection.on_bytes(first)
        if self._draining:
            connection.drain()

    def on_left(self, how: str) -> None:
        """Peer: the client left."""
        self._alarm.cancel()
        self._peer.finish()

    def on_drained(self) -> None:
        """Peer: every byte has been sent."""

    def on_closed(self) -> None:
        """Peer: the connection is closed."""
        self._alarm.cancel()
        self._on_end(self)
