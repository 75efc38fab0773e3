"""One accepted connection: its wire, its place in the event loop, its protocol.

The protocol is found out: by ALPN where TLS agreed on one, else by whether the
first bytes are the HTTP/2 connection preface (RFC 9113 3.4), which no HTTP/1.1
request begins with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from mock_api.http1.connection import Http1
from mock_api.http2.connection import Http2
from mock_api.http2.frames import PREFACE
from mock_api.net.wire import Wire

if TYPE_CHECKING:
    from mock_api.app import App

READ_SIZE = 65536

LINGER = 1.0
"""Seconds in which a client may read the end of an answer while its own bytes are discarded.

Closing at once would reset the connection if unread bytes are waiting, and the
reset would take the answer's tail with it (RFC 9112 9.6).
"""


ABANDONED = 5.0
"""Seconds in which a client may read the end of an answer to a request that was not read whole."""


class HttpProtocol(Protocol):
    """What a connection asks of the protocol it speaks."""

    def feed(self, data: bytes) -> None:
        """These bytes came."""

    def writable(self) -> None:
        """The kernel takes bytes again."""

    def lost(self) -> None:
        """The client is gone."""


class Connection:
    """An accepted connection."""

    def __init__(self, wire: Wire, app: App, loop: asyncio.AbstractEventLoop) -> None:
        self.id = app.next_connection()
        self.wire = wire
        self.app = app
        self._loop = loop
        self._fd = wire.fileno()
        self._protocol: HttpProtocol | None = None
        self._first = b""
        self._watching_writes = False
        self._open = True
        self._lingering: asyncio.TimerHandle | None = None
        self._feed: Callable[[bytes], object] = self._sniff
        app.connections.add(self)
        loop.add_reader(self._fd, self._readable)

    def want_writable(self) -> None:
        """Call the protocol's `writable` once the kernel takes bytes again."""
        if not self._watching_writes and self._open:
            self._watching_writes = True
            self._loop.add_writer(self._fd, self._writable)

    def divert(self, feed: Callable[[bytes], object]) -> None:
        """What comes goes there from now on, instead of to the protocol."""
        self._feed = feed

    def pause(self) -> None:
        """Read nothing; so it is not noticed either when the client leaves."""
        if self._open:
            self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        """Read again."""
        if self._open:
            self._loop.add_reader(self._fd, self._readable)

    def abandon(self) -> None:
        """Nothing more will be sent, and nothing read. Closing at once would reset the
        connection, as there are bytes that nobody has read, and take the answer with it."""
        if self._open and self._lingering is None:
            self.wire.end(notify=True)
            self.pause()
            self._lingering = self._loop.call_later(ABANDONED, self.close)

    def finish(self, *, notify: bool = True) -> None:
        """Nothing more will be sent; let the client read what was, then close."""
        if self._open and self._lingering is None:
            self.wire.end(notify=notify)
            self._feed = self._discard
            self._lingering = self._loop.call_later(LINGER, self.close)

    def reset(self) -> None:
        """Close with RST."""
        if self._release():
            self.wire.reset()

    def close(self) -> None:
        """Close now."""
        if self._release():
            self.wire.close()

    def _release(self) -> bool:
        if not self._open:
            return False
        self._open = False
        self._loop.remove_reader(self._fd)
        if self._watching_writes:
            self._loop.remove_writer(self._fd)
        if self._lingering is not None:
            self._lingering.cancel()
        self.app.connections.discard(self)
        self._feed = self._discard
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.lost()
        return True

    def _readable(self) -> None:
        try:
            data = self.wire.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._feed(data)
        else:
            self.close()

    def _writable(self) -> None:
        self._watching_writes = False
        self._loop.remove_writer(self._fd)
        if self._protocol is not None:
            self._protocol.writable()

    def _sniff(self, data: bytes) -> None:
        first = self._first = self._first + data
        if self.wire.alpn is not None:
            is_h2 = self.wire.alpn == "h2"
        elif len(first) < len(PREFACE) and PREFACE.startswith(first):
            return
        else:
            is_h2 = first.startswith(PREFACE)
        protocol: HttpProtocol = Http2(self, self.app) if is_h2 else Http1(self, self.app)
        self._protocol = protocol
        self._feed = protocol.feed
        self._first = b""
        protocol.feed(first)

    def _discard(self, data: bytes) -> None:
        """The answer is out; what still comes is nobody's."""
