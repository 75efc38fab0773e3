"""From a decoded header block to a request (RFC 9113 8.1 to 8.3): what is malformed, is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mock_api.http2.frames import Code, Http2StreamError
from mock_api.http2.response import KnownFrames
from mock_api.playing.exchange import SECRET_HEADERS, WITHHELD, Request, text

Header = tuple[bytes, bytes]

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_BAD_VALUE = re.compile(rb"[\x00\r\n]|^[ \t]|[ \t]$")
_PSEUDO = frozenset((b":method", b":scheme", b":path", b":authority"))
_CONNECTION = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)


class Head:
    """A request's head: what is needed to read its body, and to make a Request of both."""

    __slots__ = ("credential", "fields", "known", "length", "method", "path", "pattern")

    def __init__(self, stream: int, headers: Iterable[Header]) -> None:
        """Check the headers. Raises Http2StreamError(PROTOCOL_ERROR), saying why."""

        def bad(why: str) -> Http2StreamError:
            return Http2StreamError(stream, Code.PROTOCOL_ERROR, why)

        pseudo: dict[bytes, bytes] = {}
        self.fields: list[Header] = []
        """In order, the values of secret ones withheld; `:authority` stands as `host`."""
        self.credential: bytes | None = None
        self.length: int | None = None
        """The content-length, where there is one."""
        for name, value in headers:
            if name[:1] == b":":
                if name not in _PSEUDO:
                    raise bad(f"unknown pseudo-header {name!r}")
                if name in pseudo:
                    raise bad(f"{name!r} stands there twice")
                if self.fields:
                    raise bad(f"{name!r} comes after other fields")
                pseudo[name] = value
                continue
            check_field(stream, name, value)
            if name == b"content-length":
                if not value.isdigit() or self.length not in (None, int(value)):
                    raise bad(f"content-length {value!r}")
                self.length = int(value)
            elif name in SECRET_HEADERS:
                if name == b"authorization":
                    self.credential = bytes(value)
                self.fields.append((name, WITHHELD))
                continue
            self.fields.append((name, value))
        missing = {b":method", b":scheme", b":path"} - pseudo.keys()
        if missing:
            raise bad(f"{', '.join(sorted(map(repr, missing)))} missing")
        if not pseudo[b":path"]:
            raise bad("':path' is empty")
        if b":authority" in pseudo and not any(name == b"host" for name, _ in self.fields):
            self.fields.insert(0, (b"host", pseudo[b":authority"]))
        pattern = [value for name, value in self.fields if name == b"x-test-pattern"]
        self.pattern = text(b", ".join(pattern)) if pattern else None
        """The value of X-Test-Pattern."""
        self.known: dict[bytes, KnownFrames] = {}
        """Bodies that came with this head before, and what is answered to them."""
        self.method = pseudo[b":method"].decode("latin-1")
        self.path = pseudo[b":path"].decode("latin-1")

    def unfinished(self, body: bytes) -> Request:
        """A request of which no more will be read."""
        return Request(
            self.method, self.path, tuple(self.fields), body, self.credential, complete=False
        )

    def request(self, stream: int, body: bytes) -> Request:
        """The whole request. Raises Http2StreamError where the body is not as long as was said."""
        if self.length is not None and self.length != len(body):
            why = f"content-length says {self.length}, the body has {len(body)} bytes"
            raise Http2StreamError(stream, Code.PROTOCOL_ERROR, why)
        return Request(self.method, self.path, tuple(self.fields), body, self.credential)


def check_field(stream: int, name: bytes, value: bytes) -> None:
    """Raise Http2StreamError for a field, or trailer, that HTTP/2 does not allow (RFC 9113 8.2)."""
    why = None
    if not _NAME.fullmatch(name):
        why = f"{name!r} is no field name, which are lower case"
    elif _BAD_VALUE.search(value):
        why = f"the value of {name!r} has NUL, CR, LF, or white space around it"
    elif name in _CONNECTION or (name == b"te" and value.lower() != b"trailers"):
        why = f"{name!r} is about connections, which HTTP/2 does not allow"
    if why is not None:
        raise Http2StreamError(stream, Code.PROTOCOL_ERROR, why)
