"""HTTP/1.1 response framing: the head, the bytes of the body, and the message's end.

h11 reads the head. This module reports what h11 forgives: a bare LF, a folded
line, a status line without its second space. The head says how the body is
framed: by chunks, by a length, or by the connection's end. HeadRules say which
of them the profile's contract allows (R1). The reader reports a framing that is
not allowed and decodes it nevertheless, so that later checks see the body.
Body bytes come out in pieces, each with its offset in the response.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import h11

from conformance.core.evidence import Violation
from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt

MAX_HEAD = 1 << 20
"""Bytes after which a head without end is given up."""

_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.1 [1-9][0-9][0-9] [^\r\n]*")
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[^\r\n]*)?")

Piece = tuple[int, bytes]
"""Body bytes and the offset of the first of them in the response."""


@dataclass(frozen=True, slots=True)
class HeadRules:
    """What the head of an event stream may say about its body, by the profile's contract."""

    framed: bool
    """Whether chunks or a length may frame the body; then the message ends before EOF."""
    codings: frozenset[str] = frozenset()
    """Content codings that the client accepted, in lower case."""

    def forbidden(self, name: str, value: str) -> bool:
        """Whether an event stream must not have this header."""
        if name == "content-encoding":
            return value.strip().lower() not in self.codings
        return not self.framed and name in ("transfer-encoding", "content-length")


CLOSE_DELIMITED = HeadRules(framed=False)
"""Only the connection's end may end an event stream."""

SELF_DELIMITED = HeadRules(framed=True)
"""Chunks or a length may end the message, and the connection may be used again."""


class Body:
    """A body that ends with the connection. The framed kinds derive from it."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    @property
    def ended(self) -> bool:
        """Whether the framing says that the body is complete."""
        return False

    def feed(self, data: bytes, offset: int) -> list[Piece]:
        """Take the next bytes after the head; return those that are body."""
        return [(offset, data)] if data else []

    def unfinished(self) -> str | None:
        """What is missing should the connection end now, or None."""
        return None

    def _violation(self, rule: str, found: str, offset: int) -> None:
        self.violations.append(
            Violation(rule=rule, kind=FindingKind.HEAD, found=found, offset=offset)
        )


class LengthBody(Body):
    """A body of the length that the head announced."""

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
    """A body in chunks (RFC 9112 7.1), read strictly and never resynchronised."""

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


class Framing:
    """Feed it a response's bytes; it reads the head and returns the pieces of the body."""

    def __init__(self, rules: HeadRules = CLOSE_DELIMITED) -> None:
        self.seen = False
        """Whether the head is complete, or known to be unreadable."""
        self.status: int | None = None
        self.headers: tuple[tuple[str, str], ...] = ()
        self.body_offset = 0
        self._violations: list[Violation] = []
        self._head = bytearray()
        self._offset = 0
        self._body = Body()
        self.rules = rules

    @property
    def message_ended(self) -> bool:
        """Whether the message ended by a framing that the profile allows."""
        return self.rules.framed and self._body.ended

    @property
    def violations(self) -> list[Violation]:
        """Every broken rule so far, of the head and of the body's frame."""
        return self._violations + self._body.violations

    def feed(self, data: bytes) -> list[Piece]:
        """Take the next bytes of the response; return those that are body."""
        if self.seen:
            offset = self._offset
            self._offset += len(data)
            return self._body.feed(data, offset)
        self._head += data
        while not self.seen:
            end = _HEAD_END.search(self._head)
            if end is None:
                started = b"HTTP/".startswith(self._head[:5])
                if not started or len(self._head) > MAX_HEAD:
                    self._unreadable(f"no head begins with {excerpt(bytes(self._head[:200]))}")
                break
            self._read_head(bytes(self._head[: end.end()]))
        if not self.seen:
            return []
        rest = bytes(self._head)
        start, self._offset = self._offset, self._offset + len(rest)
        self._head.clear()
        return self._body.feed(rest, start)

    def unfinished(self) -> Violation | None:
        """The rule that is broken should the connection end now."""
        if not self.seen:
            return Violation(
                rule="a response head ends with an empty line (RFC 9112 2.1)",
                kind=FindingKind.HEAD,
                found=excerpt(bytes(self._head)),
                offset=self._offset,
            )
        missing = self._body.unfinished()
        if missing is None:
            return None
        return Violation(
            rule="a response is complete only when its whole body came (RFC 9112 8)",
            kind=FindingKind.HEAD,
            found=f"the connection ended without {missing}",
            offset=self._offset,
        )

    def _read_head(self, head: bytes) -> None:
        # h11 speaks as a client, and a client hears nothing before it asked.
        client = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        client.send(h11.Request(method="GET", target="/", headers=[("Host", "localhost")]))
        client.send(h11.EndOfMessage())
        client.receive_data(head)
        try:
            answer = client.next_event()
        except h11.RemoteProtocolError as error:
            self._unreadable(f"{error}: {excerpt(head)}")
            return
        self._judge_lines(head)
        del self._head[: len(head)]
        if isinstance(answer, h11.InformationalResponse):
            self._violation(
                "one head is sent, the final one", f"status {answer.status_code} before it", 0
            )
            self._offset += len(head)
            return
        if not isinstance(answer, h11.Response):
            self._unreadable(excerpt(head))
            return
        self.status = answer.status_code
        self.headers = tuple((name.decode(), _text(value)) for name, value in answer.headers)
        self._choose_body()
        self._offset += len(head)
        self.body_offset = self._offset
        self.seen = True

    def _choose_body(self) -> None:
        headers = dict(self.headers)
        encoding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if encoding is not None and encoding.lower() == "chunked":
            self._body = ChunkedBody()
        elif length is not None:
            self._body = LengthBody(int(length))
        for name in ("transfer-encoding", "content-length", "content-encoding"):
            if name not in headers or self.status != 200:
                continue
            if self.rules.forbidden(name, headers[name]):
                self._violation(
                    f"an event stream has no {name.title()} (contract R1)",
                    f"{name}: {headers[name]}",
                    self._offset,
                )
        if [name for name, _ in self.headers].count("content-type") > 1:
            self._violation("Content-Type is sent once (RFC 9110 8.3)", "twice", self._offset)

    def _judge_lines(self, head: bytes) -> None:
        offset = self._offset
        for number, line in enumerate(head.split(b"\n")[:-1]):
            content = line.removesuffix(b"\r")
            if content == line:
                self._violation(
                    "header lines end in CRLF (RFC 9112 2.2)", excerpt(line + b"\n"), offset
                )
            if number == 0 and not _STATUS_LINE.fullmatch(content):
                self._violation(
                    "a status line is `HTTP/1.1 CODE REASON` (RFC 9112 4)", excerpt(line), offset
                )
            if number > 0 and line[:1] in (b" ", b"\t"):
                self._violation(
                    "a header field is not folded over lines (RFC 9112 5.2)", excerpt(line), offset
                )
            offset += len(line) + 1

    def _unreadable(self, found: str) -> None:
        self._violation("a response begins with an HTTP/1.1 head (RFC 9112 4)", found, self._offset)
        self.body_offset = self._offset
        self.seen = True

    def _violation(self, rule: str, found: str, offset: int) -> None:
        self._violations.append(
            Violation(rule=rule, kind=FindingKind.HEAD, found=found, offset=offset)
        )


def _text(value: bytes) -> str:
    # A daemon may have been given a header value in UTF-8; anything else is one byte a character.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
