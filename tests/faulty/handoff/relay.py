"""One exchange with the API on behalf of one client: ask, judge the head, relay, end.

One thing happens at a time. While the client takes what it was sent, the API
is not read, and TCP makes it pause (U6); while the API is waited for, the
client is watched (U5). Every wait has an end (U7), and none of them ends a
stream that flows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from answer import SENT_DONE, Answer, FailedError
from call import Call
from client import Client
from events import Event, EventStream, EventTooLargeError
from log import log
from options import Options
from outlet import Outlet
from request import ApiRequest
from switch import fault
from upstream import LostError
from watch import StoppedError, TimeUpError, Wait

MakeCall = Callable[[ApiRequest, Wait], Call]
"""How the API is called: over HTTP/1.1 or over HTTP/2."""


class Exchange:
    """A request that was handed over, and the connection on which the API answers it."""

    def __init__(
        self, request: ApiRequest, client: Client, make_call: MakeCall, options: Options
    ) -> None:
        self._request = request
        self._client = client
        self._make_call = make_call
        self._options = options
        self._outlet = Outlet(client)
        self._retried = False
        self._begin()

    def _begin(self) -> None:
        self._call = self._make_call(self._request, self._client.wait)
        self._events = EventStream()
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
            self._call.let_go()

    def _serve(self) -> None:
        if fault("head_before_the_api"):
            self._client.begin()
        head = self._call.ask()
        self._call.judge(head)
        if not self._client.began:
            self._client.begin()
        self._relay()
        self._outlet.flush()
        self._client.send(self._closing_words())
        self._client.shut()
        self._call.recycle()
        self._client.linger()
        log(f"finished after {self._outlet.count} events")

    def _closing_words(self) -> bytes:
        if self._answer.done_sent or (not self._answer.stopped and fault("done_missing")):
            return b""
        return SENT_DONE

    def _fail(self, failure: FailedError) -> None:
        log(f"failed after {self._outlet.count} events: {failure.status} {failure.message}")
        self._call.let_go()
        if self._client.began:
            self._outlet.flush()
        self._client.fail(failure)

    def _stop(self) -> None:
        self._fail(FailedError("the daemon is shutting down", status=503, type="server_error"))

    def _relay(self) -> None:
        """Pass events on until the answer finished; FailedError if it does not."""
        body = self._call.body
        idle = self._call.idle_timeout
        began_at = time.monotonic()
        silent_at = began_at + idle
        while True:
            before = self._outlet.count
            self._pass_on(body)
            if self._answer.done:
                return
            if self._call.over:
                self._end(self._call.problem)
                return
            # Comments show that the API is alive. But when only `[DONE]` can follow, comments
            # alone must not keep the exchange open without end.
            waiting = self._answer.every_choice_finished and not fault("heartbeats_prolong")
            if not waiting or self._outlet.count > before:
                silent_at = (began_at if fault("total_timeout") else time.monotonic()) + idle
            try:
                if time.monotonic() > silent_at:
                    raise TimeUpError
                body = self._call.read(silent_at)
            except TimeUpError:
                raise FailedError("the API fell silent", status=504, type="timeout") from None
            except LostError as error:
                self._end(f"the API broke off: {error}")
                return

    def _pass_on(self, body: bytes) -> None:
        try:
            found = self._events.feed(body)
        except EventTooLargeError as error:
            raise FailedError(f"the API sent {error}") from error
        self._pass_on_events(found)

    def _pass_on_events(self, found: list[Event]) -> None:
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
            self._call.let_go()
            self._begin()
            self._call.judge(self._call.ask())
            self._relay()
            return
        if problem is None:
            self._pass_on_events(self._events.finish())
            finished = self._answer.every_choice_finished and not fault("done_not_synthesised")
            if fault("done_twice") and finished and not self._answer.done:
                self._client.send(SENT_DONE)
            if finished or self._answer.done or self._answer.done_sent:
                return
        if fault("truncation_looks_finished"):
            return
        raise FailedError(problem or "the API's answer ended before it was finished")
