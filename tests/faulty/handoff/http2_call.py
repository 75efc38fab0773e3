"""A request over HTTP/2, on one of a connection's streams.

It is repeated, once and on another connection, where the API refused the
stream, left it out of its GOAWAY, or closed a connection that it had used
before without a word on this stream.
"""

from __future__ import annotations

import contextlib
import select
import time

from call import LAST_CHUNK_SECONDS, Call
from http1 import Head
from http2_stream import Stream
from http2_upstream import Http2Upstream
from options import Options
from request import ApiRequest
from switch import fault
from upstream import LostError
from watch import TimeUpError, Wait, wait_alone


class Http2Call(Call):
    """The request, and its stream."""

    def __init__(
        self, upstream: Http2Upstream, options: Options, request: ApiRequest, wait: Wait
    ) -> None:
        super().__init__(upstream, options, request, wait)
        self._shared = upstream
        self._stream: Stream | None = None

    @property
    def problem(self) -> str | None:
        return self._stream.problem if self._stream else None

    @property
    def over(self) -> bool:
        return self._stream is not None and self._stream.over

    def read(self, deadline: float) -> bytes:
        assert self._stream is not None
        self._wait(self._stream, select.POLLIN, deadline)
        return self._stream.take()

    def recycle(self) -> None:
        with contextlib.suppress(TimeUpError):
            self._await_end(LAST_CHUNK_SECONDS)
        self.let_go()

    def _await_end(self, seconds: float) -> None:
        """Read up to the response's end, whatever it still holds."""
        deadline = time.monotonic() + seconds
        while self._stream and not self._stream.over:
            wait_alone(self._stream, select.POLLIN, deadline)
            self._stream.take()

    def let_go(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
            self._shared.tidy()

    def _try(self, *, fresh: bool) -> Head:
        self.body = b""
        fields = self._request.fields(self._shared.api)
        stream = self._shared.open(self._wait, fields, self._request.body, fresh=fresh)
        self._stream = stream
        deadline = self._first_byte_deadline()
        while stream.head is None:
            if stream.over:
                raise LostError(stream.problem or "it answered without a head")
            self.body += self.read(deadline)
        return stream.head

    def _unprocessed(self, again: int) -> bool:
        if self._stream is None or again:
            return False
        reset = fault("h2_reset_asked_again") and self._stream.was_reset
        return self._stream.unprocessed or reset
