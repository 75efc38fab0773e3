"""A connection to the API: bytes out, bytes in, TLS in between.

asyncio's own transports have two faults here. They report a TLS connection cut
without close_notify as a plain EOF, so a truncated body looks whole. And they
discard received bytes when a write fails: an API that refuses a request early
sends its answer in those bytes. So this is a non-blocking socket with a reader
and a writer callback, and TLS runs through `tls.Tls`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import Any, Protocol

from llm_api.address import Address
from llm_api.failure import Unreachable
from llm_api.tls import Eof, Tls

_READ_SIZE = 64 * 1024
_BACKLOG_PAUSE = 0.005
"""Seconds between tries while a Unix socket's backlog is full."""


class Receiver(Protocol):
    """The code that a link delivers to; called from the event loop."""

    def on_bytes(self, data: bytes) -> None:
        """Bytes arrived, decrypted."""

    def on_eof(self, eof: Eof) -> None:
        """The last byte has arrived. The link closes when this returns."""


class Link:
    """An open connection. Make one with `open_link`."""

    def __init__(self, sock: socket.socket, tls: Tls | None) -> None:
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
        return self._tls.alpn if self._tls else None

    @property
    def flushed(self) -> bool:
        """Whether everything written has left."""
        return self._writable and not self._unsent

    def start(self, receiver: Receiver) -> None:
        """Begin to deliver, first the bytes that arrived together with the handshake."""
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
        """Send, now or as soon as the connection takes it.

        A broken connection takes nothing. Reading reports the cause, after the
        bytes that arrived before.
        """
        if self._closed or not self._writable:
            return
        self._send(self._tls.encrypt(data) if self._tls else data)

    def close(self) -> None:
        """Close at once; unsent bytes are discarded. A second call does nothing."""
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
            self._send(self._tls.pending())  # key updates and the like

    def _end(self, eof: Eof) -> None:
        if self._closed or self._receiver is None:
            return
        self.pause()
        self._receiver.on_eof(eof)
        self.close()


async def open_link(api: Address) -> Link:
    """Connect, and finish the TLS handshake.

    Raises Unreachable. Sets no time bound, and can be cancelled.
    """
    try:
        sock = await _connect(api)
    except OSError as error:
        raise Unreachable(f"no connection to the API: {_reason(error)}") from error
    try:
        return Link(sock, await _handshake(sock, api))
    except ssl.SSLCertVerificationError as error:
        sock.close()
        raise Unreachable(
            f"the API's certificate is not trusted: {error.verify_message}",
            code="upstream_untrusted",
        ) from error
    except OSError as error:  # ssl.SSLError is an OSError
        sock.close()
        raise Unreachable(f"no TLS connection to the API: {_reason(error)}") from error
    except BaseException:
        sock.close()
        raise


def _reason(error: OSError) -> str:
    """The error's text without the address, which asyncio adds."""
    if isinstance(error, ssl.SSLError) or error.errno is None or error.errno < 0:
        return error.strerror or type(error).__name__
    return os.strerror(error.errno)


async def _connect(api: Address) -> socket.socket:
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
    raise error or OSError("the host does not have an address")


async def _resolve(host: str, port: int) -> list[tuple[socket.AddressFamily, Any]]:
    kind = socket.SOCK_STREAM
    try:  # an IP address needs no resolver, and so no thread
        addresses = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)
    except OSError:
        addresses = await asyncio.get_running_loop().getaddrinfo(host, port, type=kind)
    return [(family, address) for family, _, _, _, address in addresses]


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
    """Connect, and wait while the API's backlog is full.

    A full backlog is an EAGAIN. asyncio would take it for a connection that is
    being made, and the kernel sends no event when there is room again.
    """
    while True:
        try:
            sock.connect(path)
        except BlockingIOError:
            await asyncio.sleep(_BACKLOG_PAUSE)
        else:
            return


async def _handshake(sock: socket.socket, api: Address) -> Tls | None:
    if api.tls is None:
        return None
    loop = asyncio.get_running_loop()
    tls = Tls(api.tls, server_name=api.host)
    data = b""
    while not tls.handshake(data):
        await loop.sock_sendall(sock, tls.pending())
        data = await loop.sock_recv(sock, _READ_SIZE)
        if not data:
            raise ConnectionResetError("connection closed during the handshake")
    await loop.sock_sendall(sock, tls.pending())
    return tls
