"""TLS without a socket, for either side of a connection. No I/O.

asyncio's own transports report a TLS connection cut without close_notify as a
plain end, and a truncated body would then look whole. `ssl.MemoryBIO` tells the
two apart.
"""

from __future__ import annotations

import contextlib
import ssl
from enum import Enum

_READ_SIZE = 64 * 1024


class Eof(Enum):
    """How the other side ended the connection."""

    CLEAN = "clean"
    """FIN; under TLS after close_notify."""
    CUT = "cut"
    """A reset, an error, or FIN without close_notify."""


class Tls:
    """One side of a TLS connection: records in, records out."""

    def __init__(self, context: ssl.SSLContext, *, server_name: str | None = None) -> None:
        """server_name: the host that a client asks for and verifies; None for a server."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_name is None,
            server_hostname=server_name,
        )

    @property
    def alpn(self) -> str | None:
        """The protocol that the handshake agreed on."""
        return self._object.selected_alpn_protocol()

    def handshake(self, data: bytes) -> bool:
        """Continue the handshake with these records; return whether it is complete.

        Raises ssl.SSLError. Send what `pending` returns in any case.
        """
        self._incoming.write(data)
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def pending(self) -> bytes:
        """Records to send: of the handshake, alerts, key updates."""
        return self._outgoing.read()

    def encrypt(self, data: bytes | bytearray) -> bytes:
        """The records that carry data."""
        view = memoryview(data)
        while view:
            view = view[self._object.write(view) :]
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> tuple[bytes, Eof | None]:
        """The plain text of these records, and the end of the stream if they contain it."""
        self._incoming.write(data)
        plain = []
        try:
            while piece := self._object.read(_READ_SIZE):
                plain.append(piece)
        except ssl.SSLWantReadError:
            return b"".join(plain), None
        except ssl.SSLZeroReturnError:
            return b"".join(plain), Eof.CLEAN
        except ssl.SSLError:
            return b"".join(plain), Eof.CUT
        return b"".join(plain), Eof.CLEAN

    def close_notify(self) -> bytes:
        """The record that announces the end of this side's data."""
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        return self._outgoing.read()
