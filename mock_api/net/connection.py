"""One accepted connection: its wire, its place in the event loop, its protocol.

ALPN decides the protocol if TLS agreed on one. Otherwise the first bytes decide: only
HTTP/2 begins with the connection preface (RFC 9113 3.4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from mock_api.http1.connection import Http1
from mock_api.http2.connection import Http2
from mock_api.http2.frames import PREFACE
from mock_api.net.wire import Wire
from mock_api.playing.exchange import Application
from mock_api.playing.services import Services

READ_SIZE = 65536

LINGER = 1.0
"""Seconds for a client to read the end of an answer; the mock discards what it sends.

An immediate close would reset the connection if unread bytes are waiting. The reset would
destroy the answer's end (RFC 9112 9.6).
"""

ABANDONED = 5.0
"""Seconds for a client to read the answer to a request that was not read whole."""


class HttpProtocol(Protocol):
    """What a connection asks of its protocol."""

    def feed(self, data: bytes) -> None:
        """These bytes arrived."""

    def writable(self) -> None:
        """The kernel takes bytes again."""

    def lost(self) -> None:
        """The client left."""


class Connection:
    """An accepted connection; the Link of its protocol."""

    def __init__(
        self,
        wire: Wire,
        application: Application,
        services: Services,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.id = services.next_connection()
        self.transport = wire.transport
        self.send = wire.send
        self._wire = wire
        self._application = application
        self._services = services
        self._loop = loop
        self._fd = wire.fileno()
        self._protocol: HttpProtocol | None = None
        self._first = b""
        self._watching_writes = False
        self._open = True
        self._lingering: asyncio.TimerHandle | None = None
        self._feed: Callable[[bytes], object] = self._choose
        services.connections.add(self)
        loop.add_reader(self._fd, self._readable)

    def want_writable(self) -> None:
        """Call the protocol's `writable` once the kernel takes bytes again."""
        if not self._watching_writes and self._open:
            self._watching_writes = True
            self._loop.add_writer(self._fd, self._writable)

    def divert(self, feed: Callable[[bytes], object]) -> None:
        """Pass received bytes to this function from now on, not to the protocol."""
        self._feed = feed

    def pause(self) -> None:
        """Read nothing. The mock then does not notice that the client leaves, either."""
        if self._open:
            self._loop.remove_reader(self._fd)

    def resume(self) -> None:
        """Read again."""
        if self._open:
            self._loop.add_reader(self._fd, self._readable)

    def abandon(self) -> None:
        """Send FIN and read nothing; close after a few seconds.

        An immediate close would reset the connection, because received bytes are unread.
        """
        if self._open and self._lingering is None:
            self._wire.end(notify=True)
            self.pause()
            self._lingering = self._loop.call_later(ABANDONED, self.close)

    def finish(self, *, notify: bool = True) -> None:
        """Send FIN (over TLS after close_notify if `notify`); let the client read, then close."""
        if self._open and self._lingering is None:
            self._wire.end(notify=notify)
            self._feed = self._discard
            self._lingering = self._loop.call_later(LINGER, self.close)

    def reset(self) -> None:
        """Close with RST."""
        if self._release():
            self._wire.reset()

    def close(self) -> None:
        """Close now."""
        if self._release():
            self._wire.close()

    def _release(self) -> bool:
        if not self._open:
            return False
        self._open = False
        self._loop.remove_reader(self._fd)
        if self._watching_writes:
            self._loop.remove_writer(self._fd)
        if self._lingering is not None:
            self._lingering.cancel()
        self._services.connections.discard(self)
        self._feed = self._discard
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.lost()
        return True

    def _readable(self) -> None:
        try:
            data = self._wire.recv(READ_SIZE)
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

    def _choose(self, data: bytes) -> None:
        """Choose the protocol by ALPN or by the first bytes."""
        first = self._first = self._first + data
        if self._wire.alpn is not None:
            is_h2 = self._wire.alpn == "h2"
        elif len(first) < len(PREFACE) and PREFACE.startswith(first):
            return
        else:
            is_h2 = first.startswith(PREFACE)
        chosen = Http2 if is_h2 else Http1
        protocol: HttpProtocol = chosen(self, self._application, self._services)
        self._protocol = protocol
        self._feed = protocol.feed
        self._first = b""
        protocol.feed(first)

    def _discard(self, data: bytes) -> None:
        """The answer has left; ignore what the client still sends."""
