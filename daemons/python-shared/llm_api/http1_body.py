"""The body of an HTTP/1.1 message without its framing. No I/O.

h11 accepts chunk sizes of 80 bits and blanks after them. Two readers that
understand a size differently see two different messages: that is how requests
are smuggled. So here a size is one to sixteen hex digits, a line ends in CRLF,
and any other byte is an error that ends the reading (RFC 9112 6.3, 7.1).
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Protocol

_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[^\r\n\0]*)?")
_MAX_SIZE = 2**63 - 1
_MAX_LINE = 16 * 1024


class BadFramingError(ValueError):
    """The bytes are not a body of the kind that the head announced."""


class Body(Protocol):
    """Takes the bytes after a head, yields those of the body."""

    ended: bool
    """The body is complete according to its framing."""
    leftover: bytes
    """Bytes after the end of the body; they belong to another message."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the pieces of the body in these bytes, also those before a BadFramingError."""

    def eof(self) -> bool:
        """The connection ended cleanly; return whether that completes the body."""


class ToEnd:
    """A body that ends with the connection."""

    def __init__(self) -> None:
        self.ended = False
        self.leftover = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield everything."""
        yield data

    def eof(self) -> bool:
        """Return True: a clean end is this body's end."""
        return True


class Sized:
    """A body of a known length."""

    def __init__(self, length: int) -> None:
        self._missing = length
        self.ended = length == 0
        self.leftover = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield as many bytes as are missing."""
        piece = data[: self._missing]
        self.leftover = data[self._missing :]
        self._missing -= len(piece)
        self.ended = self._missing == 0
        if piece:
            yield piece

    def eof(self) -> bool:
        """Return False: the body is cut short."""
        return False


class Chunked:
    """A body in chunks; extensions and trailers are skipped."""

    def __init__(self) -> None:
        self.ended = False
        self.leftover = b""
        self._buffer = b""
        self._pieces = self._read()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the data of the chunks."""
        self._buffer += data
        for piece in self._pieces:
            if piece is None:
                return
            yield piece
        self.leftover, self._buffer = self._buffer, b""

    def eof(self) -> bool:
        """Return False: the body is cut short."""
        return False

    def _read(self) -> Iterator[bytes | None]:
        """The grammar, as a generator: yields None where it needs more bytes."""
        while size := (yield from self._size()):
            while size:
                while not self._buffer:
                    yield None
                piece, self._buffer = self._buffer[:size], self._buffer[size:]
                size -= len(piece)
                yield piece
            if (end := (yield from self._line())) != b"":
                raise BadFramingError(f"expected CRLF after a chunk, found {end[:40]!r}")
        while field := (yield from self._line()):
            if b":" not in field:
                raise BadFramingError(f"expected a trailer field, found {field[:40]!r}")
        self.ended = True

    def _size(self) -> Generator[None, None, int]:
        line = yield from self._line()
        match = _CHUNK.fullmatch(line)
        if match is None or (size := int(match[1], 16)) > _MAX_SIZE:
            raise BadFramingError(f"expected a chunk size, found {line[:40]!r}")
        return size

    def _line(self) -> Generator[None, None, bytes]:
        """The next line without its CRLF."""
        while (at := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _MAX_LINE:
                break
            yield None
        if not 0 <= at <= _MAX_LINE:
            raise BadFramingError("a line between chunks is too long")
        if self._buffer[max(at - 1, 0) : at] != b"\r":
            raise BadFramingError("a line between chunks ends in a bare LF")
        line, self._buffer = self._buffer[: at - 1], self._buffer[at + 1 :]
        return line
