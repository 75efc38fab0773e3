"""One request to the API: sent, its head judged, its body read, its connection let go.

What the API sends is trusted as far as its frame goes. A request is repeated
only where the API cannot have seen it: when a connection that was kept from an
earlier exchange ends before a single byte of a response (U8).
"""

from __future__ import annotations

import contextlib
import select
import sys
import time
import zlib

from answer import FailedError
from faults import fault
from http1 import Head, ResponseReader
from options import Options
from request import ApiRequest
from upstream import Connection, LostError, Upstream
from watch import Polled, TimeUpError, Wait

ERROR_BODY = 1 << 16
"""Bytes of the API's error message that are read."""

LAST_CHUNK_SECONDS = 0.2
"""For how long the end of the response is awaited after `[DONE]`, when its client has been
served, so that the connection can be kept."""

NEVER = 1e6
"""Seconds; for faults that forget a bound."""


class Call:
    """The request, and the response to it."""

    def __init__(
        self, request: ApiRequest, wait: Wait, upstream: Upstream, options: Options
    ) -> None:
        """wait: how to wait with an eye on the client."""
        self.body = b""
        """What came of the body together with the head."""
        self.answered = False
        """The client has its answer, or its error, whether the response is complete or not."""
        self._request = request
        self._wait = wait
        self._upstream = upstream
        self._options = options
        self._connection: Connection | None = None
        self._reader = ResponseReader()
        if fault("destination_from_request") and request.elsewhere:
            self._upstream = upstream.elsewhere(request.elsewhere)

    @property
    def problem(self) -> str | None:
        """What broke the response."""
        return self._reader.problem

    def ask(self) -> Head:
        """Send the request and read the head of the response; once more where U8 allows it."""
        again = 0
        while True:
            try:
                head = self._try(fresh=again > 0)
            except LostError as error:
                if not self._unprocessed(again):
                    raise FailedError(f"the API cannot be reached: {error}") from error
            except TimeUpError:
                late = 502 if fault("late_is_502") else 504
                raise FailedError("the API is too late", status=late, type="timeout") from None
            else:
                if not self._asks_again(head, again):
                    return head
            self.let_go()
            again += 1

    def _unprocessed(self, again: int) -> bool:
        """Whether the API certainly did not process the request."""
        if fault("fresh_connection_retried"):
            return again < 2
        kept = self._connection is not None and self._connection.reused
        return kept and not self._reader.started and again == 0

    def _asks_again(self, head: Head, again: int) -> bool:
        """Never: what was answered was processed (U8)."""
        if fault("redirect_followed") and head.status in (301, 302, 307, 308) and again == 0:
            self._upstream = self._upstream.elsewhere(head.get("location") or "")
            return True
        if fault("rate_limit_retried") and head.status == 429:
            return again < 2
        return fault("server_errors_retried") and head.status >= 500 and again < 2

    def _try(self, *, fresh: bool) -> Head:
        self._reader, self.body = ResponseReader(), b""
        self._connection = self._upstream.connection(self._wait, fresh=fresh)
        if fault("returned_unfinished"):
            self._reader = ResponseReader(self._connection.leftover)
        data = self._request.encoded(self._upstream.api, again=fresh)
        if fault("key_in_log"):
            sys.stderr.write(f"asking: {data[:1000]!r}\n")
        self._send(memoryview(data))
        seconds = NEVER if fault("no_first_byte_timeout") else self._options.first_byte_timeout
        deadline = time.monotonic() + seconds
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
        listens = not (connection.tls or fault("early_answer_lost"))
        while data and self._reader.head is None and self._reader.problem is None:
            try:
                data = data[connection.send(data) :]
            except LostError:
                if fault("early_answer_lost"):
                    raise
                return  # What was answered before it broke can still be read.
            if data:
                deadline = time.monotonic() + self._options.first_byte_timeout
                ready = select.POLLOUT | (select.POLLIN if listens else 0)
                self._wait(connection, ready, deadline)
            if data and listens and (early := connection.receive_now()) is not None:
                self.body += self._reader.feed(early)

    def read(self, deadline: float) -> bytes:
        """The next bytes of the body, perhaps none."""
        assert self._connection is not None
        return self._reader.feed(self._connection.receive(self._wait, deadline))

    @property
    def over(self) -> bool:
        """The response has ended, well or not."""
        return self._reader.complete or self._reader.problem is not None

    def judge(self, head: Head) -> None:
        """Whether a stream of events follows; FailedError if not (R5, U4)."""
        if 200 <= head.status < 300:
            coding = head.get("content-encoding") or "identity"
            if coding == "gzip" and fault("gzip_decoded_at_the_end"):
                self.body = self._gunzipped()
                return
            stream = head.media_type == "text/event-stream" or fault("content_type_unchecked")
            if stream and coding == "identity":
                return
            found = f"{head.media_type or 'nothing'} in {coding}"
            raise FailedError(f"the API answered {head.status} with {found}, not with events")
        body = self._error_body()
        kept = 400 <= head.status < 500 and not fault("refusals_are_502")
        raise FailedError.told(
            body.decode(errors="replace"),
            status=head.status if kept else 502,
            retry_after=head.get("retry-after"),
        )

    def _error_body(self) -> bytes:
        deadline = time.monotonic() + self._options.idle_timeout
        with contextlib.suppress(LostError, TimeUpError):
            while not self.over and len(self.body) < ERROR_BODY:
                self.body += self.read(deadline)
        return self.body

    def _gunzipped(self) -> bytes:
        while not self.over:
            self.body += self.read(time.monotonic() + self._options.idle_timeout)
        return zlib.decompressobj(wbits=31).decompress(self.body)

    def recycle(self) -> None:
        """The client was served: keep the connection, if the response ends at once."""
        connection = self._connection
        if connection is None:
            return
        if fault("returned_unfinished"):
            connection.leftover = self._reader.rest
        else:
            with contextlib.suppress(LostError, TimeUpError):
                self.await_end(LAST_CHUNK_SECONDS)
        if self._reader.reusable or fault("returned_unfinished"):
            self._connection = None
            self._upstream.keep(connection)

    def await_end(self, seconds: float) -> None:
        """Read up to the response's end, whatever it still holds. LostError, TimeUpError."""
        deadline = time.monotonic() + seconds
        while self._connection and not self.over:
            self._reader.feed(self._connection.receive(_wait_alone, deadline))

    def let_go(self) -> None:
        """Close the API's connection, and with it the request, if it is still ours."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        left = self._reader.head and not (self.over or self.answered)
        if fault("drained_when_client_left") and left:
            with contextlib.suppress(LostError, TimeUpError):
                while connection.receive(_wait_alone, time.monotonic() + NEVER):
                    pass
        if fault("kept_when_client_left") and left:
            self._upstream.keep(connection)
            return
        if fault("upstream_leaked_on_failure") and self._reader.problem:
            _forgotten.append(connection)
            return
        connection.close()


_forgotten: list[Connection] = []


def _wait_alone(other: Polled | None, events: int, deadline: float) -> None:
    """Wait without an eye on the client: it has been served."""
    assert other is not None
    poll = select.poll()
    poll.register(other, events)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeUpError
