"""HTTP/1.1 responses: the head, and the body that it frames.

h11 reads the head. This module reports what h11 forgives: a bare LF, a folded
line, a status line without its second space. The head says how the body is
framed: by chunks, by a length, or by the connection's end. HeadRules list which
of them the profile's contract allows (R1). The reader reports a framing that is
not allowed and decodes it nevertheless, so that later checks see the body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import h11

from conformance.core.evidence import Violation
from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt
from conformance.wire.http1_body import Body, ChunkedBody, LengthBody, Piece

MAX_HEAD = 1 << 20
"""Bytes after which the reader gives up a head without an end."""

_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.1 [1-9][0-9][0-9] [^\r\n]*")


@dataclass(frozen=True, slots=True)
class HeadRules:
    """The framings of an event stream that the profile's contract allows."""

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


class Framing:
    """Reads the bytes of a response: its head, and the pieces of its body."""

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
        # h11 reads a response only after it has sent a request.
        client = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        client.send(h11.Request(method="GET", target="/", headers=[("Host", "localhost")]))
        client.send(h11.EndOfMessage())
        client.receive_data(head)
        try:
            answer = client.next_event()
        except h11.RemoteProtocolError as error:
            self._unreadable(f"{error}: {excerpt(head)}")
            return
        self._check_lines(head)
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

    def _check_lines(self, head: bytes) -> None:
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
    # A header value may be UTF-8; otherwise each byte is one character.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
