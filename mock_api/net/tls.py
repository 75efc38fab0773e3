"""TLS over a plain socket; this module moves the records itself.

OpenSSL works between two memory buffers, and this wire moves the ciphertext. So a response
can end without close_notify, which asyncio's own TLS does not allow. And nothing is buffered
unnoticed: a record that the kernel did not take whole counts as not sent, and the send must
be repeated.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from mock_api.net.wire import PlainWire

RECORD = 16384
"""The most plaintext a TLS record carries (RFC 8446 5.1)."""


class TlsWire:
    """The server's end of a TLS connection."""

    transport = "tls"

    def __init__(self, accepted: socket.socket, context: ssl.SSLContext) -> None:
        self._socket = PlainWire(accepted)
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._ready = False
        self._ciphertext = b""
        """Bytes that the kernel has not taken yet."""
        self._repeat = 0
        """How much plaintext of the send that must be repeated is in there."""
        self.alpn: str | None = None

    def fileno(self) -> int:
        return self._socket.fileno()

    def recv(self, size: int, /) -> bytes:
        """Received plaintext; b"" after close_notify and after FIN without one."""
        ciphertext = self._socket.recv(size)
        if ciphertext:
            self._in.write(ciphertext)
        else:
            self._in.write_eof()
        try:
            if not self._ready:
                self._tls.do_handshake()
                self._ready = True
                self.alpn = self._tls.selected_alpn_protocol()
            plaintext = self._read_all()
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""
        finally:
            self._flush_quietly()
        return plaintext

    def _read_all(self) -> bytes:
        parts: list[bytes] = []
        try:
            while part := self._tls.read(RECORD):
                parts.append(part)
        except ssl.SSLError:
            # Earlier plaintext is delivered first; without any, this is the result.
            if not parts:
                raise
        return b"".join(parts)

    def send(self, data: bytes | memoryview, /) -> int:
        """How much plaintext the kernel took, record by record."""
        sent = 0
        while sent < len(data) or self._repeat:
            if not self._repeat:
                self._repeat = self._tls.write(data[sent : sent + RECORD])
            if not self._flush():
                break
            sent += self._repeat
            self._repeat = 0
        if data and not sent:
            raise BlockingIOError
        return sent

    def _flush(self) -> bool:
        """Move ciphertext to the kernel; whether the kernel took all of it."""
        if self._out.pending:
            self._ciphertext += self._out.read()
        while self._ciphertext:
            try:
                taken = self._socket.send(self._ciphertext)
            except BlockingIOError:
                return False
            self._ciphertext = self._ciphertext[taken:]
        return True

    def _flush_quietly(self) -> None:
        """Send the handshake's bytes; reading finds out whether the client left."""
        try:
            self._flush()
        except OSError:
            self._ciphertext = b""

    def end(self, *, notify: bool) -> None:
        if notify and self._ready:
            # It raises if the client's close_notify has not arrived yet.
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush_quietly()
        self._socket.end(notify=notify)

    def reset(self) -> None:
        self._socket.reset()

    def close(self) -> None:
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Certificate:
    """The certificate of the TLS listener."""

    context: ssl.SSLContext
    ca_file: Path | None
    """The CA's PEM file, for clients; None: the user has a CA of their own."""


def from_files(certificate: Path, key: Path) -> Certificate:
    """The user's certificate. Raises OSError."""
    context = _context()
    context.load_cert_chain(certificate, key)
    return Certificate(context, None)


def self_made(ca_file: Path | None, names: tuple[str, ...]) -> Certificate:
    """A certificate for these host names and addresses, by a new CA.

    The CA's own certificate is written to `ca_file`.
    """
    import trustme  # noqa: PLC0415  # its import takes longer than the rest of the start

    authority = trustme.CA()
    context = _context()
    authority.issue_cert(*names).configure_cert(context)
    if ca_file is not None:
        try:
            authority.cert_pem.write_to_path(str(ca_file))
        except OSError as error:
            raise OSError(
                f"expected a file for the CA's certificate that can be written, found {ca_file} "
                f"({error.strerror}); name another one with --ca-file"
            ) from None
    return Certificate(context, ca_file)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context
