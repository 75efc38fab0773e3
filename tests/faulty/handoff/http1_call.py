"""A request over HTTP/1.1, which has a connection to itself until its response has ended.

It is repeated where a connection that was kept from an earlier exchange ends
before a single byte of a response: the API closed it before it saw the request.
"""

from __future__ import annotations

import contextlib
import select
import sys
import time

from call import LAST_CHUNK_SECONDS, Call
from http1 import Head, ResponseReader
from options import Options
from request import ApiRequest
from switch import fault
from upstream import Connection, LostError, Upstream
from watch import TimeUpError, Wait, wait_alone


class Http1Call(Call):
    """The request, its connection, and the response as far as it has come."""

    def __init__(
        self, upstream: Upstream, options: Options, request: ApiRequest, wait: Wait
    ) -> None:
        super().__init__(upstream, options, request, wait)
        self._connection: Connection | None = None
        self._reader = ResponseReader()

    @property
    def problem(self) -> str | None:
        return self._reader.problem

    @property
    def over(self) -> bool:
        return self._reader.complete or self._reader.problem is not None

    def read(self, deadline: float) -> bytes:
        assert self._connection is not None
        return self._reader.feed(self._connection.receive(self._wait, deadline))

    def recycle(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if fault("returned_unfinished"):
            connection.leftover = self._reader.rest
        else:
            with contextlib.suppress(LostError, TimeUpError):
                self._await_end(LAST_CHUNK_SECONDS)
        if self._reader.reusable or fault("returned_unfinished"):
            self._connection = None
            self._upstream.keep(connection)

    def _await_end(self, seconds: float) -> None:
        """Read up to the response's end, whatever it still holds."""
        deadline = time.monotonic() + seconds
        while self._connection and not self.over:
            self._reader.feed(self._connection.receive(wait_alone, deadline))

    def let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _try(self, *, fresh: bool) -> Head:
        self._reader, self.body = ResponseReader(), b""
        self._connection = self._upstream.connection(self._wait, fresh=fresh)
        if self._connection.leftover:
            self._reader = ResponseReader(self._connection.leftover)
        data = self._request.encoded(self._upstream.api, again=fresh)
        if fault("key_in_log"):
            sys.stderr.write(f"asking: {data[:1000]!r}\n")
        self._send(memoryview(data))
        deadline = self._first_byte_deadline()
        while self._reader.head is None:
            if self._reader.problem:
                raise LostError(self._reader.problem)
            self.body += self.read(deadline)
        return self._reader.head

    def _send(self, data: memoryview) -> None:
        """Send the request. An API may answer before it has read all: that counts (R5)."""
        connection = self._connection
        assert connection is not None
        # Under TLS there is always something to read, and rarely an answer.
        listens = not connection.tls
        while data and self._reader.head is None and self._reader.problem is None:
            try:
                data = data[connection.send(data) :]
            except LostError:
                return  # What was answered before it broke can still be read.
            if data:
                deadline = time.monotonic() + self._options.first_byte_timeout
                ready = select.POLLOUT | (select.POLLIN if listens else 0)
                self._wait(connection, ready, deadline)
            if data and listens and (early := connection.receive_now()) is not None:
                self.body += self._reader.feed(early)

    def _unprocessed(self, again: int) -> bool:
        kept = self._connection is not None and self._connection.reused
        return kept and not self._reader.started and again == 0
