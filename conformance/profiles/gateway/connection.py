"""The client's connection to a gateway: a socket, plain or with TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from conformance.daemon import proc
from conformance.profiles.relay.connection import SocketConnection

CIPHERTEXT = 1 << 16
"""Bytes of ciphertext that one read asks for."""


class HttpConnection(SocketConnection):
    """A TCP connection that one exchange after the other can use."""

    def __init__(self, client: socket.socket) -> None:
        super().__init__(client, held="")
        self._ends = client.getpeername(), client.getsockname()
        self.keep = False
        """Whether closing an exchange leaves the connection open."""

    def find_held(self) -> str:
        """The gateway's end; empty where the gateway has closed it, or not taken it yet."""
        return proc.socket_between(*self._ends)

    async def send_all(self, data: bytes) -> None:
        """Send everything. Raises OSError."""
        view = memoryview(data)
        while view:
            try:
                view = view[self.send(bytes(view[:CIPHERTEXT])) :]
            except BlockingIOError:
                await _writable(self.socket)

    def close(self) -> None:
        """Leave, unless the connection is kept for another exchange."""
        if self.keep and self.socket.fileno() >= 0:
            self.unwatch()
        else:
            self.finish()

    def finish(self) -> None:
        """Close the connection. A second call has no effect."""
        if self.socket.fileno() >= 0:
            self.unwatch()
            super().close()

    def reset(self) -> None:
        """Leave with RST, also where the connection was to be kept."""
        if self.socket.fileno() >= 0:
            self.unwatch()
            super().reset()


class TlsConnection(HttpConnection):
    """The same with TLS, its records in the client's own hands.

    OpenSSL works between two memory buffers, so a pause leaves everything that was not
    asked for in the kernel's buffer, except the rest of one record.
    """

    def __init__(self, client: socket.socket, context: ssl.SSLContext, *, server_name: str) -> None:
        super().__init__(client)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=server_name)
        self._unsent = b""
        self._readable: Callable[[], None] | None = None

    @property
    def protocol(self) -> str | None:
        """The protocol that ALPN selected."""
        return self._tls.selected_alpn_protocol()

    async def handshake(self) -> None:
        """Shake hands. Raises OSError (ssl.SSLError) where the certificate is not trusted."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await loop.sock_recv(self.socket, CIPHERTEXT)
                if not data:
                    raise ConnectionResetError("EOF during the TLS handshake") from None
                self._in.write(data)
            else:
                await self._flush()
                return

    def watch(self, readable: Callable[[], None]) -> None:
        """Call `readable` whenever there may be bytes to receive."""
        self._readable = readable
        super().watch(readable)
        self._again()

    def unwatch(self) -> None:
        """Receive no further."""
        self._readable = None
        super().unwatch()

    def recv(self, size: int) -> bytes:
        """Receive at most `size` bytes of plaintext; empty at EOF. Raises OSError."""
        try:
            plaintext = self._tls.read(size)
        except ssl.SSLWantReadError:
            ciphertext = self.socket.recv(CIPHERTEXT)
            if not ciphertext:
                raise ConnectionResetError("EOF without close_notify") from None
            self._in.write(ciphertext)
            try:
                plaintext = self._tls.read(size)
            except ssl.SSLWantReadError:
                raise BlockingIOError from None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        self._again()
        return plaintext

    def send(self, data: bytes) -> int:
        """Send bytes towards the gateway; returns how many were encrypted."""
        if self._unsent:
            self._push()
            if self._unsent:
                raise BlockingIOError
        taken = self._tls.write(data)
        self._unsent += self._out.read()
        self._push()
        return taken

    def _push(self) -> None:
        with suppress(BlockingIOError):
            self._unsent = self._unsent[self.socket.send(self._unsent) :]

    async def send_all(self, data: bytes) -> None:
        """Send everything. Raises OSError."""
        await super().send_all(data)
        await self._flush()

    async def _flush(self) -> None:
        self._unsent += self._out.read()
        while self._unsent:
            self._push()
            if self._unsent:
                await _writable(self.socket)

    def _again(self) -> None:
        """Plaintext that OpenSSL holds already makes no socket readable."""
        if self._readable is not None and (self._tls.pending() or self._in.pending):
            asyncio.get_running_loop().call_soon(self._call)

    def _call(self) -> None:
        if self._readable is not None:
            self._readable()


async def _writable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not future.done():
            future.set_result(None)

    loop.add_writer(sock, ready)
    try:
        await future
    finally:
        loop.remove_writer(sock)
