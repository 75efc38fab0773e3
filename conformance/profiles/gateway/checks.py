"""The checks of a gateway's answer, by its class.

A gateway of class `events` reads events and writes its own. Its chunks are compared by
what they say: text, tool calls and finish reasons of each choice. A gateway of class
`bytes` passes the body on, so its events are compared character by character, and
whatever the API sends is right.

A stream that failed may end in two ways for every gateway: by an error event, or by a
message that is broken off.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any, Self

from conformance.checks import Checks, sent
from conformance.core import chunk as chunks
from conformance.core.evidence import Ending, Kind
from conformance.core.finding import FindingKind
from conformance.core.quoting import arrived, byte_place, excerpt, last_place, place

SERVER_ERRORS = range(500, 600)
GATEWAY_ERRORS = (502, 503, 504)


class GatewayChecks(Checks):
    """What holds for both classes."""

    @property
    def broken_off(self) -> bool:
        """The message did not end by its own framing, or was reset."""
        reset = self.response.transcript.ending is Ending.RESET
        return self.response.truncated or (reset and not self._events(Kind.DONE))

    def failed_stream(self) -> Self:
        """It does not look finished: an error event without `[DONE]`, or broken off (R6)."""
        check, kind = "failed_stream", FindingKind.ERROR_EVENT
        expected = "an error event without [DONE], or a message that is broken off"
        if not self._has_stream(check, expected):
            return self
        if done := self._events(Kind.DONE):
            self._fail(check, kind, expected, "[DONE]", place(self.response, done[0]))
        elif self.response.transcript.ending is Ending.DEADLINE:
            self._end(check)
        elif not self.broken_off and not self._events(Kind.ERROR):
            actual = f"the message ends cleanly; {arrived(self.response)}"
            self._fail(check, kind, expected, actual, last_place(self.response))
        return self

    def ended(self, *, clause: str | None = None) -> Self:
        """The client saw the end of the answer; a stream that failed may be broken off (R6, R8)."""
        return self if self.broken_off else super().ended(clause=clause)

    def no_finish_reason(self) -> Self:
        """No choice was given a finish reason that the API did not send (R6)."""
        check, expected = "no_finish_reason", "no finish_reason that the API did not send"
        if not self._has_stream(check, expected) or not self.observation.upstream:
            return self
        given = _finish_reasons(sent.chunks(self.observation.upstream[-1]))
        for event in self.response.chunks:
            for reason in _finish_reasons([event.json]):
                if reason not in given:
                    where = place(self.response, event)
                    self._fail(check, FindingKind.ERROR_EVENT, expected, repr(reason), where)
        return self

    def http_error(self, *statuses: int, clause: str | None = None) -> Self:
        """The answer is an error: one of these statuses, or any 5xx for a 5xx (R5)."""
        check, kind = "http_error", FindingKind.ERROR_ANSWER
        expected = f"status {' or '.join(map(str, statuses))}"
        if not self._has_head(check, expected, kind=kind, clause=clause):
            return self
        status = self.response.status
        server_error = any(wanted in SERVER_ERRORS for wanted in statuses)
        if status not in statuses and not (server_error and status in SERVER_ERRORS):
            self._report("refused", check, kind, expected, clause=clause, unserved=False)
        elif problem := self._body_problem():
            where = byte_place(self.response, self.response.body_offset)
            self._fail(check, kind, "OpenAI's error shape", problem, where)
        return self

    def _body_problem(self) -> str | None:
        """What is wrong with the body of an error."""
        return None


class EventsChecks(GatewayChecks):
    """The checks of a gateway of class `events`."""

    def events_in_order(self) -> Self:
        """Each choice's texts, tool calls and finish reasons are those that the API sent (R2)."""
        check, expected = "events_in_order", "what the API sent, chunk by chunk"
        entry = self._request(check, expected)
        if entry is None or not self._has_events(check, expected, FindingKind.EVENTS):
            return self
        wanted = _by_choice(sent.chunks(entry))
        received = _by_choice([event.json for event in self.response.chunks])
        where = last_place(self.response)
        for choice in sorted({*wanted, *received}, key=str):
            pairs = zip_longest(wanted.get(choice, ()), received.get(choice, ()))
            for number, (one, other) in enumerate(pairs, start=1):
                if one != other:
                    actual = f"choice {choice}, item {number}: {_show(other)}, sent {_show(one)}"
                    if {"text"} == {item[0] for item in (one, other) if item is not None}:
                        self._fail_text(check, expected, actual, where)
                    else:
                        self._fail(check, FindingKind.EVENTS, expected, actual, where)
                    break
        if "stream_options" in self.observation.asked.body:
            sent_usage = _usage(sent.chunks(entry))
            usage = _usage([event.json for event in self.response.chunks])
            if usage != sent_usage:
                expected, actual = f"the usage {_show(sent_usage)}", _show(usage)
                self._fail(check, FindingKind.EVENTS, expected, actual, where)
        ids = {_id(event.json) for event in self.response.chunks} - {None}
        if len(ids) > max(1, len({_id(chunk) for chunk in sent.chunks(entry)})):
            actual = f"{len(ids)} ids: {excerpt(', '.join(sorted(map(str, ids))))}"
            self._fail(check, FindingKind.EVENTS, "one id for the stream", actual, where)
        return self

    def _body_problem(self) -> str | None:
        body = sent.decoded(self.response.body)
        error = body.get("error") if isinstance(body, dict) else None
        if isinstance(error, dict) and isinstance(error.get("message"), str) and error["message"]:
            return None
        return f"no error.message in {excerpt(self.response.body)}"


class BytesChecks(GatewayChecks):
    """The checks of a gateway of class `bytes`: the API's events pass as they are.

    Where the journal lacks the events, the expected values of the scenario are compared.
    """

    _broke = False

    def api_broke(self) -> Self:
        """The API broke its message off: the client's may lack the end, or its head (R5, R6)."""
        self._broke = True
        return self

    @property
    def _failed_early(self) -> bool:
        """The API's broken message became an error, or ended the connection before any byte."""
        if not self._broke or not self.observation.upstream:
            return False
        ending = self.response.transcript.ending
        nothing = not self.response.transcript.reads and ending in (Ending.EOF, Ending.RESET)
        return nothing or self.response.status in GATEWAY_ERRORS

    def _has_head(
        self,
        check: str,
        expected: str,
        *,
        kind: FindingKind | None = None,
        clause: str | None = None,
    ) -> bool:
        return not self._failed_early and super()._has_head(
            check, expected, kind=kind, clause=clause
        )

    def _as_sent(self, check: str) -> Self:
        """The events that arrived are those that the API sent; reported once."""
        expected = "the API's events, character by character"
        if "as sent" in self._reported or not self._has_stream(check, expected):
            return self
        entry = self._request(check, expected)
        if entry is None:
            return self
        wanted = [(event.type, event.data) for event in entry.events if event.data]
        received = [event for event in self.response.events if event.data]
        left = self.response.transcript.ending is Ending.LEFT
        short = left or (self._broke and self.broken_off)
        for number, (one, event) in enumerate(zip_longest(wanted, received), start=1):
            other = None if event is None else (event.type, event.data)
            if one == other or (other is None and short):
                continue
            self._reported.add("as sent")
            actual = f"event {number}: {_show(other)}, sent {_show(one)}"
            where = last_place(self.response) if event is None else place(self.response, event)
            self._fail(check, FindingKind.EVENTS, expected, actual, where)
            break
        return self

    def sse_format(self, *, clause: str | None = None) -> Self:
        """The head keeps its rules; the events are the API's (R1, R2)."""
        if not self._has_stream("sse_format", "a well-formed head"):
            return self
        for violation in self.response.violations:
            if violation.kind is FindingKind.HEAD:
                where = byte_place(self.response, violation.offset)
                self._fail("sse_format", violation.kind, violation.rule, violation.found, where)
        return self._as_sent("sse_format")

    def utf8_valid(self, *, clause: str | None = None) -> Self:
        """The events are the API's (R2)."""
        return self._as_sent("utf8_valid")

    def no_error(self) -> Self:
        """There is no error that the API did not send (R2)."""
        return self._as_sent("no_error")

    def chunk_count(self, expected: int, *, clause: str | None = None) -> Self:
        """The events are the API's (R2)."""
        if self.observation.brief:
            return super().chunk_count(expected, clause=clause)
        return self._as_sent("chunk_count")

    def chunk_count_at_least(self, least: int) -> Self:
        """The events are the API's (R2)."""
        return self._as_sent("chunk_count_at_least")

    def finish_reason(self, expected: str) -> Self:
        """The events are the API's (R2)."""
        return self._as_sent("finish_reason")

    def done_marker(self) -> Self:
        """`[DONE]` as the API sent it (R4), then the end of the message (R8)."""
        if self.observation.brief:
            return super().done_marker()
        self._as_sent("done_marker")
        reset = self.response.transcript.ending is Ending.RESET
        if self._broke and (reset or self.broken_off):
            return self
        if self.response.truncated:
            actual, where = arrived(self.response), last_place(self.response)
            expected = "a message that ends by its own framing"
            self._fail("done_marker", FindingKind.NOT_ENDED, expected, actual, where)
        self._end("done_marker")
        return self

    def no_done_marker(self) -> Self:
        """`[DONE]` only where the API sent it (R4)."""
        return self._as_sent("no_done_marker")

    def failed_stream(self) -> Self:
        """`[DONE]` only where the API sent it; a message that the API broke off is broken (R6)."""
        self._as_sent("failed_stream")
        ending = self.response.transcript.ending
        if ending is Ending.DEADLINE:
            self._end("failed_stream")
        elif self._broke and ending.orderly and not (self.broken_off or self._failed_early):
            expected = "a message that is broken off, as the API's is"
            actual = f"it ends cleanly; {arrived(self.response)}"
            where = last_place(self.response)
            self._fail("failed_stream", FindingKind.ERROR_EVENT, expected, actual, where)
        return self

    def request_unchanged(self, *, clause: str | None = None) -> Self:
        """The API received the body as the client sent it, byte for byte, or as declared (U1)."""
        super().request_unchanged(clause=clause)
        asked, upstream = self.observation.asked.raw, self.observation.upstream
        if "body" in self.observation.asked.additions:
            return self
        if asked and upstream and upstream[-1].body != asked:
            check, actual = "request_unchanged", excerpt(upstream[-1].body)
            where = f"upstream request {upstream[-1].id}"
            self._fail(check, FindingKind.REQUEST, excerpt(asked), actual, where, clause=clause)
        return self

    def content(self, expected: str) -> Self:
        """The events are the API's (R2)."""
        return super().content(expected) if self.observation.brief else self._as_sent("content")

    def content_contains(self, *parts: str) -> Self:
        """The events are the API's (R2)."""
        return self._as_sent("content_contains")

    def content_as_sent(self) -> Self:
        """The events are the API's (R2)."""
        return self._as_sent("content_as_sent")

    def events_in_order(self) -> Self:
        """The events are the API's (R2)."""
        return self._as_sent("events_in_order")

    def error_message(self, part: str) -> Self:
        """The API's error arrived; the gateway's own words are free."""
        if self.response.status == 200:
            return self._as_sent("error_message")
        passed = [e for e in self.observation.upstream if e.status == self.response.status]
        return super().error_message(part) if passed else self

    def http_error_before_reset(self, status: int) -> Self:
        """Not a success, and an end: a reset may overtake the answer (RFC 9112 9.6)."""
        check, expected = "http_error_before_reset", f"status {status}, an error or a broken end"
        if self.response.status == 200:
            self._report("refused", check, FindingKind.ERROR_ANSWER, expected, unserved=False)
        elif self.response.transcript.ending is Ending.DEADLINE:
            self._end(check)
        return self

    def http_error(self, *statuses: int, clause: str | None = None) -> Self:
        """The API's own error arrives. Where it sent none: its status, or 502 to 504 (R5)."""
        sent_statuses = [entry.status for entry in self.observation.upstream if entry.status]
        if not sent_statuses:  # the API failed without a journal: the scenario knows how
            return super().http_error(*statuses, clause=clause)
        status = sent_statuses[-1]
        own = (status,) if status >= 400 else (status, 502, 503, 504)
        return super().http_error(*own, clause=clause)


def _finish_reasons(decoded: list[Any]) -> list[Any]:
    return [
        reason
        for chunk in decoded
        for choice in chunks.choices(chunk)
        if (reason := choice.get("finish_reason"))
    ]


def _by_choice(decoded: list[Any]) -> dict[Any, list[tuple[str, Any]]]:
    """What the chunks say to each choice, in order: texts, parts of tool calls, finish reasons."""
    said: dict[Any, list[tuple[str, Any]]] = {}
    for chunk in decoded:
        for choice in chunks.choices(chunk):
            items = said.setdefault(choice.get("index", 0), [])
            delta = _object(choice.get("delta"))
            if text := chunks.text_of({"choices": [{**choice, "index": 0}]}):
                items.append(("text", text))
            for call in delta.get("tool_calls") or ():
                items.append(("tool call", _call(call)))
            if choice.get("finish_reason"):
                items.append(("finish_reason", choice["finish_reason"]))
    return said


def _usage(decoded: list[Any]) -> list[Any]:
    """The usage of every chunk that has one."""
    return [usage for chunk in decoded if (usage := _object(chunk).get("usage"))]


def _call(call: Any) -> Any:
    """The parts of a tool call's delta that carry meaning; nulls are the same as absent."""
    if not isinstance(call, dict):
        return call
    parts = {"index": call.get("index"), "id": call.get("id"), **_object(call.get("function"))}
    return {name: value for name, value in parts.items() if value is not None}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _id(chunk: Any) -> Any:
    return chunk.get("id") if isinstance(chunk, dict) else None


def _show(item: Any) -> str:
    return "nothing" if item is None else excerpt(str(item))
