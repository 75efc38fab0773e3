"""An HTTP/1.1 response, read from bytes: the head, and the body out of its frame. No I/O.

The parser is a generator that asks for a line, for some bytes or for the end
of the connection, and is resumed when more has come. What frames the body
decides what its end is: the zero chunk, the length met, or, when nothing
frames it, the connection's end. Anything else is a broken response: body
bytes read before the break are still handed out, and nothing after it.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import NamedTuple

from switch import fault

MAX_LINE = 1 << 16
"""Bytes of a head's or a chunk's line. Servers bound theirs at 8 to 64 KiB."""
MAX_LINES = 1000

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: .*)?")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*?)[ \t]*")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")


class BrokenResponseError(Exception):
    """The bytes are not an HTTP/1.1 response, or end too early."""


class Head(NamedTuple):
    """A response's head."""

    status: int
    version: int
    """The minor one: HTTP/1.version."""
    fields: tuple[tuple[str, str], ...]
    """Names in lower case."""

    def get(self, name: str) -> str | None:
        """The field's values, joined with commas; None when absent."""
        values = [value for key, value in self.fields if key == name]
        return ", ".join(values) if values else None

    @property
    def media_type(self) -> str:
        return (self.get("content-type") or "").partition(";")[0].strip().lower()


Steps = Generator[None, None, None]


class ResponseReader:
    """Feed it what arrives on a connection after a request was sent."""

    def __init__(self, already: bytes = b"") -> None:
        self.head: Head | None = None
        self.complete = False
        """The body ended where its frame says."""
        self.problem: str | None = None
        """What broke the response."""
        self.started = False
        """At least one byte has come."""
        self._buffer = bytearray(already)
        self._closed = False
        self._body: list[bytes] = []
        self._framed = True
        self._steps = self._read()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, or b"" for the connection's end; return those of the body."""
        self._buffer += data
        self._closed = not data
        self.started = self.started or bool(data)
        try:
            next(self._steps)
        except StopIteration:
            self.complete = self.problem is None
        except BrokenResponseError as error:
            self.problem = str(error)
        body = b"".join(self._body)
        self._body.clear()
        return body

    @property
    def rest(self) -> bytes:
        """What came after the response."""
        return bytes(self._buffer)

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another request."""
        return self.complete and self._framed and not self._buffer and self._stays_open()

    def _stays_open(self) -> bool:
        assert self.head is not None
        options = (self.head.get("connection") or "").lower().replace(",", " ").split()
        return self.head.version == 1 and "close" not in options and not self._closed

    def _read(self) -> Steps:
        while True:
            head = yield from self._head()
            if head.status >= 200 or fault("informational_is_final"):
                break
            if head.status == 101:
                raise BrokenResponseError("101 without having been asked to switch")
        self.head = head
        coding, length = head.get("transfer-encoding"), head.get("content-length")
        if head.status in (204, 304):
            return
        if coding is not None:
            # The chunks win over a length (RFC 9112 6.3), but a server that sends both does
            # not get a second request.
            self._framed = length is None
            if coding.lower() != "chunked":
                raise BrokenResponseError(f"unknown transfer coding {coding!r}")
            yield from self._chunks()
        elif length is not None:
            if not re.fullmatch("[0-9]{1,18}", length):
                raise BrokenResponseError(f"impossible Content-Length {length!r}")
            yield from self._bytes(int(length))
        else:
            self._framed = False
            yield from self._until_closed()

    def _head(self) -> Generator[None, None, Head]:
        line = yield from self._line()
        status = _STATUS.fullmatch(line)
        if status is None:
            raise BrokenResponseError(f"no status line: {line[:80]!r}")
        fields: list[tuple[str, str]] = []
        for _ in range(MAX_LINES):
            line = yield from self._line()
            if not line:
                return Head(int(status[2]), int(status[1]), tuple(fields))
            found = _FIELD.fullmatch(line)
            if found is None:
                raise BrokenResponseError(f"no header field: {line[:80]!r}")
            fields.append((found[1].decode().lower(), found[2].decode("latin-1")))
            if len(line) > 1 << 13 and fault("head_limit_8k"):
                raise BrokenResponseError("a header field of more than 8 KiB")
        raise BrokenResponseError(f"more than {MAX_LINES} header fields")

    def _chunks(self) -> Steps:
        while size := (yield from self._chunk_size()):
            yield from self._bytes(size)
            if (yield from self._line(strict=True)):
                raise BrokenResponseError("a chunk is longer than its size says")
        for _ in range(MAX_LINES):
            if not (yield from self._line(strict=True)):
                return
        raise BrokenResponseError(f"more than {MAX_LINES} trailer fields")

    def _chunk_size(self) -> Generator[None, None, int]:
        line = yield from self._line(strict=True)
        size = _SIZE.fullmatch(line)
        # 16 digits still fit 64 bits; a chunk of 2**63 bytes is an error.
        if size is None or int(size[1], 16) >> 63:
            raise BrokenResponseError(f"no chunk size: {line[:80]!r}")
        return int(size[1], 16)

    def _line(self, *, strict: bool = False) -> Generator[None, None, bytes]:
        """A line without its end. In a head a bare LF may end it; in chunks (strict) not."""
        scanned = 0
        while (end := self._buffer.find(b"\n", scanned)) < 0:
            scanned = len(self._buffer)
            if scanned > MAX_LINE:
                raise BrokenResponseError(f"a line of more than {MAX_LINE} bytes")
            yield from self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if strict and not line.endswith(b"\r"):
            raise BrokenResponseError(f"a line that does not end in CRLF: {line[:80]!r}")
        return line.removesuffix(b"\r")

    def _bytes(self, count: int) -> Steps:
        while count:
            if not self._buffer:
                if self._closed and fault("short_body_accepted"):
                    return
                yield from self._more()
            part = bytes(self._buffer[:count])
            del self._buffer[:count]
            self._body.append(part)
            count -= len(part)

    def _until_closed(self) -> Steps:
        while not self._closed:
            self._body.append(bytes(self._buffer))
            self._buffer.clear()
            yield

    def _more(self) -> Steps:
        if self._closed:
            raise BrokenResponseError("the connection ended before the response did")
        yield
