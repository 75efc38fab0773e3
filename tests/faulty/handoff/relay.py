"""One exchange with the API on behalf of one client: ask, judge the head, relay, end.

One thing happens at a time. While the client takes what it was sent, the API
is not read, and TCP makes it pause (U6); while the API is waited for, the
client is watched (U5). Every wait has an end (U7), and none of them ends a
stream that flows.
"""

from __future__ import annotations

import contextlib
import select
import sys
import time
import zlib

import events
from answer import SENT_DONE, Answer, FailedError
from client import Client, Polled, StoppedError, TimeUpError
from faults import fault
from http1 import Head, ResponseReader
from log import log
from options import Options
from outlet import Outlet
from request import ApiRequest
from upstream import Connection, LostError, Upstream

ERROR_BODY = 1 << 16
"""Bytes of the API's error message that are read."""

LAST_CHUNK_SECONDS = 0.2
"""For how long the end of the response is awaited after `[DONE]`, when its client has been
served, so that the connection can be kept."""

NEVER = 1e6
"""Seconds; for faults that forget a bound."""


class Exchange:
    """A request that was handed over, and the connection on which the API answers it."""

    def __init__(
        self, request: ApiRequest, client: Client, upstream: Upstream, options: Options
    ) -> None:
        self._request = request
        self._client = client
        self._upstream = upstream
        self._options = options
        self._connection: Connection | None = None
        self._begin()
        self._outlet = Outlet(client)
        self._retried = False
        if fault("destination_from_request") and request.elsewhere:
            self._upstream = upstream.elsewhere(request.elsewhere)

    def _begin(self) -> None:
        self._reader = ResponseReader()
        self._body = b""
        """What came of the body together with the head."""
        self._events = events.EventStream()
        self._answer = Answer(simple=self._options.simple)

    def run(self) -> None:
        """Serve the client to its end. ClientLeftError when it leaves before."""
        try:
            self._serve()
        except FailedError as failure:
            self._fail(failure)
        except StoppedError:
            self._stop()
        finally:
            self._let_go()

    def _serve(self) -> None:
        if fault("head_before_the_api"):
            self._client.begin()
        head = self._ask()
        self._judge(head)
        if not self._client.began:
            self._client.begin()
        self._relay()
        self._outlet.flush()
        self._client.send(self._closing_words())
        self._client.shut()
        self._recycle()
        self._client.linger()
        log(f"finished after {self._outlet.count} events")

    def _closing_words(self) -> bytes:
        if fault("waits_for_the_end"):
            self._await_end(NEVER)
        if fault("done_missing") or self._answer.done_sent:
            return b""
        return SENT_DONE * (2 if fault("done_twice") else 1)

    def _fail(self, failure: FailedError) -> None:
        log(f"failed after {self._outlet.count} events: {failure.status} {failure.message}")
        self._let_go()
        if self._client.began:
            self._outlet.flush()
        self._client.fail(failure)

    def _stop(self) -> None:
        if fault("shutdown_cuts_silently"):
            return
        if fault("shutdown_looks_finished") and self._client.began:
            self._client.send(SENT_DONE)
            self._client.end()
            return
        self._fail(FailedError("the daemon is shutting down", status=503, type="server_error"))

    # Asking

    def _ask(self) -> Head:
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
            self._let_go()
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
        self._reader = ResponseReader()
        self._connection = self._upstream.connection(self._client.wait, fresh=fresh)
        if fault("returned_unfinished"):
            self._reader = ResponseReader(self._connection.leftover)
        data = self._request.encoded(self._upstream.api)
        if fault("key_in_log"):
            sys.stderr.write(f"asking: {data[:1000]!r}\n")
        self._send(memoryview(data))
        seconds = NEVER if fault("no_first_byte_timeout") else self._options.first_byte_timeout
        deadline = time.monotonic() + seconds
        while self._reader.head is None:
            if self._reader.problem:
                raise LostError(self._reader.problem)
            self._body += self._read(deadline)
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
                self._client.wait(connection, ready, deadline)
            if data and listens and (early := connection.receive_now()) is not None:
                self._body += self._reader.feed(early)

    def _read(self, deadline: float) -> bytes:
        """The next bytes of the body, perhaps none."""
        assert self._connection is not None
        return self._reader.feed(self._connection.receive(self._client.wait, deadline))

    @property
    def _over(self) -> bool:
        return self._reader.complete or self._reader.problem is not None

    # Judging

    def _judge(self, head: Head) -> None:
        """Whether a stream of events follows; FailedError if not (R5, U4)."""
        if 200 <= head.status < 300:
            coding = head.get("content-encoding") or "identity"
            if coding == "gzip" and fault("gzip_decoded_at_the_end"):
                self._body = self._gunzipped()
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
            while not self._over and len(self._body) < ERROR_BODY:
                self._body += self._read(deadline)
        return self._body

    def _gunzipped(self) -> bytes:
        while not self._over:
            self._body += self._read(time.monotonic() + self._options.idle_timeout)
        return zlib.decompressobj(wbits=31).decompress(self._body)

    # Relaying

    def _relay(self) -> None:
        """Pass events on until the answer finished; FailedError if it does not."""
        body = self._body
        idle = NEVER if fault("no_idle_timeout") else self._options.idle_timeout
        began_at = time.monotonic()
        silent_at = began_at + idle
        while True:
            read_at, before = time.monotonic(), self._outlet.count
            self._pass_on(body)
            if self._answer.done:
                return
            if self._over:
                self._end(self._reader.problem)
                return
            # Comments show that the API is alive, until all that can follow is `[DONE]`:
            # then they alone shall not keep the exchange for ever.
            waiting = self._answer.every_choice_finished and not fault("heartbeats_prolong")
            if not waiting or self._outlet.count > before:
                since = read_at if fault("slow_client_is_idle_api") else time.monotonic()
                silent_at = (began_at if fault("total_timeout") else since) + idle
            try:
                if time.monotonic() > silent_at:
                    raise TimeUpError
                body = self._read(silent_at)
            except TimeUpError:
                raise FailedError("the API fell silent", status=504, type="timeout") from None
            except LostError as error:
                self._end(f"the API broke off: {error}")
                return

    def _pass_on(self, body: bytes) -> None:
        try:
            found = self._events.feed(body)
        except events.EventTooLargeError as error:
            raise FailedError(f"the API sent {error}") from error
        self._pass_on_events(found)

    def _pass_on_events(self, found: list[events.Event]) -> None:
        if fault("coalesced_reversed") and len(found) > 1:
            found = [found[1], found[0], *found[2:]]
        for event in found:
            data = self._answer.take(event)
            if self._answer.failure:
                raise self._answer.failure
            if data:
                self._outlet.event(data, last=self._answer.every_choice_finished)
            if self._answer.done:
                return

    def _end(self, problem: str | None) -> None:
        """The body is over, and `[DONE]` did not come: whether the answer is complete (R4)."""
        if problem and fault("retried_after_output") and not self._retried:
            self._retried = True
            self._let_go()
            self._begin()
            self._judge(self._ask())
            self._relay()
            return
        if problem is None or fault("any_end_after_finish"):
            self._pass_on_events(self._events.finish())
            finished = self._answer.every_choice_finished and not fault("done_not_synthesised")
            if finished or self._answer.done or self._answer.done_sent:
                return
        if fault("truncation_looks_finished") or (fault("eof_is_finished") and problem is None):
            return
        if fault("partial_event_flushed"):
            self._client.send(self._events.partial)
        raise FailedError(problem or "the API's answer ended before it was finished")

    # Letting go

    def _recycle(self) -> None:
        """The client was served: keep the connection, if the response ends at once."""
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
        deadline = time.monotonic() + seconds
        while self._connection and not self._over:
            self._reader.feed(self._connection.receive(_wait_alone, deadline))

    def _let_go(self) -> None:
        """Close the API's connection, and with it the request, if it is still ours."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        left = self._reader.head and not (self._over or self._answer.done)
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
