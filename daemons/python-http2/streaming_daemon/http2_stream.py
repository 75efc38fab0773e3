"""A response on an HTTP/2 stream: what its session has to remember of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from streaming_daemon.reply import Head, Reply

if TYPE_CHECKING:
    from streaming_daemon.http2 import Http2Session

_PER_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
)


class Http2Reply(Reply):
    """A response on a stream."""

    def __init__(self, session: Http2Session, stream_id: int, content: bytes, *, reused: bool):
        super().__init__()
        self._session = session
        self.stream_id = stream_id
        self.unsent = memoryview(content)
        """What of the request's body has not been sent."""
        self.sent_at = self._loop.time()
        self.reused = reused
        """The connection had served a request before."""
        self.owed = 0
        """Bytes taken and not yet given back to the stream's window."""
        self.missing: int | None = None
        """Bytes of the body still to come, if Content-Length said how many."""

    def _consumed(self, size: int) -> None:
        self._session.consumed(self, size)

    def _abandon(self, suspect: bool) -> None:
        self._session.abandon(self, suspect=suspect)


def head(fields: Iterable[tuple[bytes, bytes]], reply: Http2Reply) -> Head:
    """The response's head. Raises ValueError where it is malformed (RFC 9113 8.2)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        if name != name.lower() or name in _PER_HOP:
            raise ValueError(f"it has the header {name!r}")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if "content-length" in headers:
        reply.missing = int(headers["content-length"])
    return Head(int(headers.get(":status", "")), headers)
