"""A response on an HTTP/2 stream, with the state that its session keeps of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from llm_api.reply import Head, Reply

if TYPE_CHECKING:
    from llm_api.http2 import Http2Session

_PER_HOP = frozenset(
    ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
)
_CONTROL = re.compile("[\0\r\n]")


class Http2Reply(Reply):
    """A response on a stream."""

    def __init__(self, session: Http2Session, stream_id: int, content: bytes, *, reused: bool):
        super().__init__()
        self._session = session
        self.stream_id = stream_id
        self.unsent = memoryview(content)
        """The part of the request's body that has not been sent."""
        self.sent_at = self._loop.time()
        self.reused = reused
        """The connection had served a request before."""
        self.owed = 0
        """Bytes taken and not yet returned to the stream's window."""
        self.missing: int | None = None
        """Bytes of the body that are still missing, if the response has a Content-Length."""

    def _consumed(self, size: int) -> None:
        self._session.consumed(self, size)

    def _abandon(self, suspect: bool) -> None:
        self._session.abandon(self, suspect=suspect)


def head(fields: Iterable[tuple[bytes, bytes]], reply: Http2Reply) -> Head:
    """The response's head. Raises ValueError where it is malformed (RFC 9113 8.2)."""
    checked: list[tuple[str, str]] = []
    status = ""
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1").strip(" \t")
        if name != name.lower() or name in _PER_HOP:
            raise ValueError(f"it has the header {name!r}")
        if _CONTROL.search(value):
            raise ValueError(f"its header {name!r} has a control character")
        if name == ":status":
            status = value
            continue
        checked.append((name, value))
        if name == "content-length":
            reply.missing = int(value)
    return Head(int(status), checked)
