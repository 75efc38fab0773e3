"""HTTP/1.1 to the API, with faults."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence

import h11
from llm_api import http1_body as body
from llm_api.failure import Failure
from llm_api.http1 import Http1Session, _Http1Reply
from llm_api.link import Link
from llm_api.reply import Head, Reply
from llm_api.tls import Eof
from switch import fault

_HEX = re.compile(rb"[ \t]*[-+]?(?:0x)?([0-9A-Fa-f]+)")
_STREAM = [("content-type", "text/event-stream")]
_POLL = 0.01


class FaultyHttp1Session(Http1Session):
    """A connection that speaks HTTP/1.1."""

    _seen = b""
    """The bytes of the head so far."""
    _rest = b""
    """Bytes after the end of the last answer."""

    def send(self, headers: Sequence[tuple[bytes, bytes]], content: bytes) -> Reply:
        """Send a request."""
        self._seen = b""
        reply = super().send(headers, content)
        if not self._link.flushed and fault("answer_read_after_request"):
            self._link.pause()
            self._resume_when_flushed()
        if self._rest:
            rest, self._rest = self._rest, b""
            self._link._loop.call_soon(self.on_bytes, rest)
        return reply

    def _resume_when_flushed(self) -> None:
        if self._link.flushed:
            self._link.resume()
        else:
            self._link._loop.call_later(_POLL, self._resume_when_flushed)

    def abandon(self) -> None:
        """The reply is not wanted any more."""
        if self._body is not None and not self.closed and fault("returned_unfinished"):
            self._reply = None
            self._on_change()
        else:
            super().abandon()

    def on_bytes(self, data: bytes) -> None:
        """Link: bytes arrived."""
        if self._reply is not None or not fault("returned_unfinished"):
            super().on_bytes(data)

    def on_eof(self, eof: Eof) -> None:
        """Link: the connection ended."""
        reply = self._reply
        if reply is not None and self._body is not None and not self._body.eof():
            if fault("short_body_accepted"):
                self._reusable = False
                self._complete(reply)
                return
        elif reply is not None and self._requests > 1 and fault("stale_connection_hangs"):
            self.closed = True
            return
        super().on_eof(eof)

    def _end(self, failure: Failure) -> None:
        assert isinstance(self._link, FaultyLink)
        self._link.failed = self._reply is not None
        super()._end(failure)

    def _read_head(self, reply: _Http1Reply, data: bytes) -> bytes:
        self._seen += data
        if self._seen.startswith(b"HTTP/1.1 1") and fault("informational_is_final"):
            return self._forgiven(reply, int(self._seen[9:12]))
        try:
            return super()._read_head(reply, data)
        except (h11.RemoteProtocolError, body.BadFramingError):
            if not fault("bad_head_forgiven"):
                raise
            return self._forgiven(reply, 200)

    def _forgiven(self, reply: _Http1Reply, status: int) -> bytes:
        """Deliver a head of this status, whatever stands in it; return the rest."""
        self._reusable = False
        self._body = body.ToEnd()
        reply.deliver_head(Head(status, _STREAM))
        return self._seen.partition(b"\r\n\r\n")[2]

    def _framing(self, event: h11.Response, headers: Mapping[str, str]) -> body.Body:
        framed = super()._framing(event, headers)
        if isinstance(framed, body.ToEnd) and fault("unframed_body_is_empty"):
            return body.Sized(0)
        if not isinstance(framed, body.Chunked):
            return framed
        if "content-length" in headers and fault("length_before_chunks"):
            return body.Sized(int(headers["content-length"]))
        return FaultyChunked()

    def _complete(self, reply: _Http1Reply) -> None:
        rest = self._body.leftover.lstrip(b"\r\n") if self._body is not None else b""
        if rest and fault("leftover_kept"):
            self._rest = rest
            self._reusable = True
        super()._complete(reply)


class FaultyChunked(body.Chunked):
    """A body in chunks."""

    _last = False

    def _size(self) -> Generator[None, None, int]:
        line = yield from self._line()
        strict = body._CHUNK.fullmatch(line)
        if b";" in line and fault("chunk_extension_fails"):
            raise body.BadFramingError("a chunk extension")
        lenient = _HEX.match(line)
        if strict is None and lenient is not None and fault("chunk_size_read_leniently"):
            return int(lenient[1], 16)
        if strict is None or (size := int(strict[1], 16)) > body._MAX_SIZE:
            raise body.BadFramingError(f"expected a chunk size, found {line[:40]!r}")
        self._last = not size
        return size

    def _line(self) -> Generator[None, None, bytes]:
        line = yield from super()._line()
        if line and self._last and fault("trailers_fail"):
            raise body.BadFramingError("trailer fields")
        return line


class FaultyLink(Link):
    """An open connection."""

    failed = False

    def _end(self, eof: Eof) -> None:
        if eof is Eof.CUT and self._tls is not None and fault("tls_cut_is_an_end"):
            eof = Eof.CLEAN
        super()._end(eof)

    def close(self) -> None:
        """Close at once."""
        if not self._closed and self.failed and fault("failed_connection_kept"):
            self.pause()
            self._closed = True
            KEPT.append(self)
            return
        super().close()


KEPT: list[Link] = []
"""Connections that failed, and were not closed."""
