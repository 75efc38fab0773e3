"""Miniature servers on loopback, to which the tests' clients connect."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import h2.config
import h2.connection
import h2.events
import trustme

from conformance.profiles.gateway.opening import Target

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

Event = TypeVar("Event", bound=h2.events.Event)

HOST = "127.0.0.1"


@asynccontextmanager
async def gateway(
    serve: Serve, *, tls: ssl.SSLContext | None = None, ca_file: Path | None = None
) -> AsyncIterator[Target]:
    """Serve every connection; yield where."""
    server = await asyncio.start_server(serve, HOST, 0, ssl=tls)
    try:
        yield Target(HOST, server.sockets[0].getsockname()[1], ca_file is not None, ca_file)
    finally:
        server.close()
        await server.wait_closed()


def certificate(folder: Path, *, alpn: tuple[str, ...] = ("h2", "http/1.1")) -> ssl.SSLContext:
    """A server's TLS, whose CA is written to `ca.pem` in the folder."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    context.set_alpn_protocols(list(alpn))
    return context


class Http2Server:
    """One client's connection, served as the test says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._reader = reader
        self._events: deque[h2.events.Event] = deque()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        """Send what is ready."""
        self.writer.write(self.h2.data_to_send())

    async def until(self, kind: type[Event]) -> Event:
        """The next event of this kind; others before it are dropped."""
        while True:
            while self._events:
                event = self._events.popleft()
                if isinstance(event, kind):
                    return event
            data = await self._reader.read(1 << 16)
            if not data:
                raise EOFError("the client closed the connection")
            self._events += self.h2.receive_data(data)
            self.flush()

    async def gone(self) -> None:
        """Read until the client has closed the connection."""
        while await self._reader.read(1 << 16):
            pass

    def head(self, stream: int) -> None:
        """Send the head of an event stream."""
        fields = [(":status", "200"), ("content-type", "text/event-stream")]
        self.h2.send_headers(stream, fields)
        self.flush()

    def send(self, stream: int, data: bytes, *, end: bool = False) -> None:
        """Send a frame of the body."""
        self.h2.send_data(stream, data, end_stream=end)
        self.flush()
