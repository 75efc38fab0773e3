"""A connection to the API: bytes out, bytes in, TLS in between.

Why not asyncio's own transports: they report a TLS connection cut without
close_notify as a plain EOF, which would pass a truncated body off as a whole
one; and they throw away what has arrived when a write fails, which is where
the answer of an API that refuses a request early is found. So this is a
non-blocking socket with a reader and a writer callback, and TLS is driven
through a pair of `ssl.MemoryBIO`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from enum import Enum
from typing import Any, Protocol

from streaming_daemon.config import Api
from streaming_daemon.failure import Unreachable

_READ_SIZE = 64 * 1024
_BACKLOG_PAUSE = 0.005
"""Seconds between tries while a Unix socket's backlog is full."""


class Eof(Enum):
    """How the other side ended the connection."""

    CLEAN = "clean"
    """FIN; under TLS after close_notify."""
    CUT = "cut"
    """A reset, an error, or FIN without close_notify."""


class Receiver(Protocol):
    """Who a link delivers to; called from the event loop."""

    def on_bytes(self, data: bytes) -> None:
        """Bytes arrived, decrypted."""

    def on_eof(self, eof: Eof) -> None:
        """Nothing will arrive any more. The link closes when this returns."""


class Link:
    """An open connection. Make one with `open_link`."""

    def __init__(self, sock: socket.socket, tls: _Tls | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._tls = tls
        self._receiver: Receiver | None = None
        self._unsent = bytearray()
        self._reading = False
        self._writable = True
        self._closed = False
        self.last_received = self._loop.time()
        """When bytes last arrived, on the loop's clock."""

    @property
    def alpn(self) -> str | None:
        """The protocol that the TLS handshake agreed on."""
        return self._tls.object.selected_alpn_protocol() if self._tls else None

    @property
    def flushed(self) -> bool:
        """Whether everything written has left."""
        return self._writable and not self._unsent

    def start(self, receiver: Receiver) -> None:
        """Begin to deliver. What arrived together with the handshake comes first."""
        self._receiver = receiver
        self.resume()
        if self._tls is not None:
            self._loop.call_soon(self._decrypt, b"")

    def pause(self) -> None:
        """Stop reading: the kernel's buffers fill up, and the API has to wait."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._sock)

    def resume(self) -> None:
        """Read again."""
        if not self._reading and not self._closed:
            self._reading = True
            self._loop.add_reader(self._sock, self._on_readable)

    def write(self, data: bytes) -> None:
        """Send, now or as soon as the connection takes it. A broken connection takes nothing;
        reading finds out why, after it has found what arrived before.
        """
        if self._closed or not self._writable:
            return
        self._send(self._tls.encrypt(data) if self._tls else data)

    def close(self) -> None:
        """Close at once; unsent bytes are dropped. May be called again."""
        if self._closed:
            return
        self.pause()
        if self._tls is not None and not self._unsent:
            self._send(self._tls.close_notify())
        if self._unsent:
            self._loop.remove_writer(self._sock)
        self._closed = True
        self._sock.close()

    def _send(self, data: bytes) -> None:
        if not data:
            return
        if not self._unsent:
            try:
                sent = self._sock.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError:
                self._writable = False
                return
            if sent == len(data):
                return
            data = data[sent:]
            self._loop.add_writer(self._sock, self._on_writable)
        self._unsent += data

    def _on_writable(self) -> None:
        try:
            sent = self._sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._writable = False
            sent = len(self._unsent)
        del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self._sock)

    def _on_readable(self) -> None:
        try:
            data = self._sock.recv(_READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end(Eof.CUT)
            return
        if not data:
            self._end(Eof.CUT if self._tls else Eof.CLEAN)
            return
        self.last_received = self._loop.time()
        if self._tls is not None:
            self._decrypt(data)
        elif self._receiver is not None:
            self._receiver.on_bytes(data)

    def _decrypt(self, data: bytes) -> None:
        if self._tls is None or self._receiver is None or self._closed:
            return
        plain, eof = self._tls.decrypt(data)
        if plain:
            self._receiver.on_bytes(plain)
        if eof is not None:
            self._end(eof)
        elif not self._closed and self._writable:
            self._send(self._tls.outgoing.read())  # key updates and the like

    def _end(self, eof: Eof) -> None:
        if self._closed or self._receiver is None:
            return
        self.pause()
        self._receiver.on_eof(eof)
        self.close()


class _Tls:
    """TLS without a socket."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)

    def encrypt(self, data: bytes) -> bytes:
        """The records that carry data."""
        view = memoryview(data)
        while view:
            view = view[self.object.write(view) :]
        return self.outgoing.read()

    def decrypt(self, data: bytes) -> tuple[bytes, Eof | None]:
        """The plain text of what arrived, and whether the stream ended with it."""
        self.incoming.write(data)
        plain = []
        try:
            while piece := self.object.read(_READ_SIZE):
                plain.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(plain), None
        except ssl.SSLZeroReturnError:
            return b"".join(plain), Eof.CLEAN
        except ssl.SSLError:
            return b"".join(plain), Eof.CUT
        return b"".join(plain), Eof.CLEAN

    def close_notify(self) -> bytes:
        """The record that says that nothing follows."""
        with contextlib.suppress(ssl.SSLError):
            self.object.unwrap()
        return self.outgoing.read()


async def open_link(api: Api) -> Link:
    """Connect, and finish the TLS handshake.

    Raises Unreachable. Sets no time bound, and can be cancelled.
    """
    try:
        sock = await _connect(api)
    except OSError as error:
        raise Unreachable(f"no connection to the API: {error.strerror or error}") from error
    try:
        return Link(sock, await _handshake(sock, api))
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise Unreachable(
            f"the API's certificate is not trusted: {error.verify_message}",
            code="upstream_untrusted",
        ) from error
    except OSError as error:  # of which ssl.SSLError is one
        sock.close()
        raise Unreachable(f"no TLS connection to the API: {error.strerror or error}") from error
    except BaseException:
        sock.close()
        raise


async def _connect(api: Api) -> socket.socket:
    if api.socket is not None:
        return await _connect_to(socket.AF_UNIX, api.socket)
    error: OSError | None = None
    for family, address in await _resolve(api.host, api.port):
        try:
            sock = await _connect_to(family, address)
        except OSError as failed:
            error = failed
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    raise error or OSError(f"{api.host} has no address")


async def _resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
    kind = socket.SOCK_STREAM
    try:  # an address needs no resolver, and so no thread
        found = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)
    except OSError:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=kind)
    return [(family, address) for family, _, _, _, address in found]


async def _connect_to(family: socket.AddressFamily, address: Any) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_UNIX:
            await _connect_unix(sock, address)
        else:
            await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _connect_unix(sock: socket.socket, path: str) -> None:
    """Connect, waiting while the API's backlog is full.

    That is an EAGAIN, which asyncio would take for a connection that is being
    made, and which nothing announces the end of.
    """
    while True:
        try:
            sock.connect(path)
        except BlockingIOError:
            await asyncio.sleep(_BACKLOG_PAUSE)
        else:
            return


async def _handshake(sock: socket.socket, api: Api) -> _Tls | None:
    if api.tls is None:
        return None
    loop = asyncio.get_running_loop()
    tls = _Tls(api.tls, api.host)
    while True:
        try:
            tls.object.do_handshake()
        except ssl.SSLWantReadError:
            await loop.sock_sendall(sock, tls.outgoing.read())
        else:
            await loop.sock_sendall(sock, tls.outgoing.read())
            return tls
        data = await loop.sock_recv(sock, _READ_SIZE)
        if not data:
            raise ConnectionResetError("connection closed during the handshake")
        tls.incoming.write(data)
