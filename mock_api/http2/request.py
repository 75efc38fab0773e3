"""From a decoded header block to a request (RFC 9113 8.1 to 8.3); malformed ones are refused."""

from __future__ import annotations

from mock_api.http2.fields import LENGTH, PATTERN, PLAIN, PSEUDO, SECRET, Field
from mock_api.http2.frames import Code, Http2StreamError
from mock_api.playing.exchange import WITHHELD, Request, credential, text


class Head:
    """A request's head: what is needed to read its body and to make a Request of both."""

    __slots__ = ("credential", "fields", "length", "method", "pattern", "target")

    def __init__(self, stream: int, fields: list[Field]) -> None:
        """Check the fields together. Raises Http2StreamError(PROTOCOL_ERROR) with the reason."""
        pseudo: dict[bytes, bytes] = {}
        self.fields: list[bytes] = []
        """Names and values in turn, in order; secret values are withheld. `:authority` is
        the field `host`."""
        self.credential: bytes | None = None
        self.length: int | None = None
        """The value of content-length, if there is one."""
        self.pattern: str | None = None
        """The value of X-Test-Pattern."""
        kept = self.fields
        for name, value, kind, _ in fields:
            if kind is PLAIN:
                kept += (name, value)
            elif kind is PSEUDO:
                if kept:
                    raise _bad(stream, f"{name!r} follows other fields")
                if name in pseudo:
                    raise _bad(stream, f"{name!r} is there twice")
                pseudo[name] = value
            elif kind is SECRET:
                self.credential = credential(name, value, self.credential)
                kept += (name, WITHHELD)
            elif kind is PATTERN:
                pattern = text(value)
                self.pattern = pattern if self.pattern is None else f"{self.pattern}, {pattern}"
                kept += (name, value)
            elif kind is LENGTH:
                if self.length not in (None, int(value)):
                    raise _bad(stream, f"content-length {value!r}")
                self.length = int(value)
                kept += (name, value)
            elif isinstance(kind, str):
                raise _bad(stream, kind)
            else:
                kept += (name, value)
        try:
            self.method = pseudo[b":method"].decode("latin-1")
            self.target = pseudo[b":path"].decode("latin-1")
            pseudo[b":scheme"]
        except KeyError as missing:
            raise _bad(stream, f"{missing.args[0]!r} is missing") from None
        if not self.target:
            raise _bad(stream, "':path' is empty")
        authority = pseudo.get(b":authority")
        if authority is not None and b"host" not in kept[::2]:
            kept[:0] = (b"host", authority)

    def request(self, stream: int, body: bytes) -> Request:
        """The whole request. Raises Http2StreamError if the body has another length."""
        if self.length is not None and self.length != len(body):
            raise _bad(stream, f"content-length is {self.length}, the body has {len(body)} bytes")
        fields = b"\0".join(self.fields)
        return Request(self.method, self.target, fields, body, self.credential, self.pattern)

    def unfinished(self, body: bytes) -> Request:
        """A request of which the mock reads no more."""
        return Request(
            self.method,
            self.target,
            b"\0".join(self.fields),
            body,
            self.credential,
            self.pattern,
            complete=False,
        )


def check_trailers(stream: int, fields: list[Field]) -> None:
    """Raise Http2StreamError for a malformed field in trailers."""
    for name, _, kind, _ in fields:
        if isinstance(kind, str):
            raise _bad(stream, kind)
        if kind is PSEUDO:
            raise _bad(stream, f"{name!r} is in the trailers")


def _bad(stream: int, reason: str) -> Http2StreamError:
    return Http2StreamError(stream, Code.PROTOCOL_ERROR, reason)
