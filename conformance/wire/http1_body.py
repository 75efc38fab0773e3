"""HTTP/1.1 bodies: which bytes after the head are body, and where the body ends.

The connection's end, a length or chunks frame a body. Each kind reads the bytes as they
come and reports where they break a rule. Body bytes come out in pieces, each with its
offset in the response.
"""

from __future__ import annotations

import re

from conformance.core.evidence import Violation
from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[^\r\n]*)?")

Piece = tuple[int, bytes]
"""Body bytes, and the offset of the first one in the response."""


class Body:
    """A body that ends with the connection. The framed kinds derive from it."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    @property
    def ended(self) -> bool:
        """Whether the body is complete by its framing."""
        return False

    def feed(self, data: bytes, offset: int) -> list[Piece]:
        """Take the next bytes after the head; return those that are body."""
        return [(offset, data)] if data else []

    def unfinished(self) -> str | None:
        """The missing part, should the connection end now; None where it is complete."""
        return None

    def _violation(self, rule: str, found: str, offset: int) -> None:
        self.violations.append(
            Violation(rule=rule, kind=FindingKind.HEAD, found=found, offset=offset)
        )


class LengthBody(Body):
    """A body of the length in the head."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._missing = length

    @property
    def ended(self) -> bool:
        return not self._missing

    def feed(self, data: bytes, offset: int) -> list[Piece]:
        body, rest = data[: self._missing], data[self._missing :]
        self._missing -= len(body)
        if rest and not self.violations:
            self._violation(
                "nothing follows the announced length (RFC 9112 6.3)",
                excerpt(rest),
                offset + len(body),
            )
        return [(offset, body)] if body else []

    def unfinished(self) -> str | None:
        return f"{self._missing} bytes of the announced length" if self._missing else None


class ChunkedBody(Body):
    """A body in chunks (RFC 9112 7.1), read strictly; the reader stops at the first mistake."""

    def __init__(self) -> None:
        super().__init__()
        self._left = 0
        """Bytes of the current chunk still to come, its CRLF excluded."""
        self._line = bytearray()
        self._step = "size"

    @property
    def ended(self) -> bool:
        return self._step == "over"

    def feed(self, data: bytes, offset: int) -> list[Piece]:
        pieces: list[Piece] = []
        at = 0
        while at < len(data) and self._step not in ("over", "broken"):
            if self._step == "data":
                part = data[at : at + self._left]
                pieces.append((offset + at, part))
                self._left -= len(part)
                at += len(part)
                if not self._left:
                    self._step = "end of data"
                continue
            end = data.find(b"\n", at) + 1
            self._line += data[at : end or len(data)]
            at = end or len(data)
            if end:
                self._take(bytes(self._line), offset + at - len(self._line))
                self._line.clear()
        if self._step == "over" and at < len(data) and not self.violations:
            self._violation(
                "nothing follows the last chunk (RFC 9112 7.1)", excerpt(data[at:]), offset + at
            )
        return pieces

    def unfinished(self) -> str | None:
        return None if self._step in ("over", "broken") else "the last chunk"

    def _take(self, line: bytes, offset: int) -> None:
        content = line.removesuffix(b"\r\n")
        if content == line:
            self._break("chunked lines end in CRLF (RFC 9112 7.1)", line, offset)
        elif self._step == "size":
            size = _SIZE_LINE.fullmatch(content)
            if size is None:
                self._break("a chunk begins with its size in hex (RFC 9112 7.1)", line, offset)
                return
            self._left = int(size[1], 16)
            self._step = "data" if self._left else "trailer"
        elif self._step == "end of data":
            if content:
                self._break("a chunk's data ends in CRLF (RFC 9112 7.1)", line, offset)
                return
            self._step = "size"
        elif not content:
            self._step = "over"

    def _break(self, rule: str, line: bytes, offset: int) -> None:
        self._step = "broken"
        self._violation(rule, excerpt(line), offset)
