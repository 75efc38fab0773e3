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
from conformance.checks.recorder import Blame
from conformance.core import chunk as chunks
from conformance.core.evidence import Ending, Event, JournalEntry, Kind
from conformance.core.finding import FindingKind
from conformance.core.quoting import arrived, byte_place, excerpt, last_place, place

SERVER_ERRORS = range(500, 600)


class GatewayChecks(Checks):
    """What holds for both classes."""

    @property
    def broken_off(self) -> bool:
        """The message did not end by its own framing, or was reset."""
        reset = self.response.transcript.ending is Ending.RESET
        return self.response.truncated or (reset and not self._events(Kind.DONE))

    def failed_stream(self, *, clause: Blame | None = None) -> Self:
        """It does not look finished: an error event without `[DONE]`, or broken off (R6)."""
        check, own = "failed_stream", clause or FindingKind.ERROR_EVENT
        expected = "an error event, or a message that is broken off"
        if not self._has_stream(check, expected, clause):
            return self
        for done in self._events(Kind.DONE):
            where = place(self.response, done)
            self._fail(check, FindingKind.ERROR_EVENT, "no [DONE]", "[DONE]", where)
            return self
        if self.response.transcript.ending is Ending.DEADLINE:
            self._report("no eof", check, clause or FindingKind.LATE, expected)
        elif not self.broken_off and not self._reports_failure():
            actual = f"the message ends cleanly; {arrived(self.response)}"
            self._fail(check, own, expected, actual, last_place(self.response))
        return self

    def _reports_failure(self) -> bool:
        """Whether an orderly end of the message is right, because the stream itself says more."""
        return bool(self._events(Kind.ERROR))

    def no_finish_reason(self, *, clause: Blame = FindingKind.ERROR_EVENT) -> Self:
        """No choice was given a finish reason that the API did not send (R6)."""
        expected = "no finish_reason that the API did not send"
        if (
            not self._has_stream("no_finish_reason", expected, None)
            or not self.observation.upstream
        ):
            return self
        given = [
            reason
            for chunk in sent.chunks(self.observation.upstream[-1])
            for choice in chunks.choices(chunk)
            if (reason := choice.get("finish_reason"))
        ]
        for event in self.response.chunks:
            for choice in chunks.choices(event.json):
                reason = choice.get("finish_reason")
                if reason and reason not in given:
                    where = place(self.response, event)
                    self._fail("no_finish_reason", clause, expected, repr(reason), where)
        return self

    def http_error(self, *statuses: int, clause: Blame = FindingKind.ERROR_ANSWER) -> Self:
        """The answer is an error: one of these statuses, or another 5xx for a 5xx (R5)."""
        check, expected = "http_error", f"status {' or '.join(map(str, statuses))}"
        if not self._has_head(check, expected, clause):
            return self
        status = self.response.status
        server_error = any(each in SERVER_ERRORS for each in statuses)
        if status not in statuses and not (server_error and status in SERVER_ERRORS):
            self._report("refused", check, clause, expected)
        elif problem := self._body_problem():
            where = byte_place(self.response, self.response.body_offset)
            self._fail(check, FindingKind.ERROR_ANSWER, "an error body", problem, where)
        return self

    def _body_problem(self) -> str | None:
        """What is wrong with the body of an error."""
        return None


class EventsChecks(GatewayChecks):
    """The checks of a gateway of class `events`."""

    def events_in_order(self, *, clause: Blame | None = None) -> Self:
        """Each choice's texts, tool calls and finish reasons are those that the API sent (R2)."""
        check, expected = "events_in_order", "what the API sent, chunk by chunk"
        entry = self._request(check, expected, clause)
        if entry is None or not self._has_text(check, expected, clause):
            return self
        wanted = _by_choice(sent.chunks(entry))
        events = self.response.chunks
        received = _by_choice([event.json for event in events])
        for choice in sorted({*wanted, *received}, key=str):
            pairs = zip_longest(wanted.get(choice, ()), received.get(choice, ()))
            for number, (one, other) in enumerate(pairs, start=1):
                if one != other:
                    own = self._text_clause(clause) if _is_text(one, other) else clause
                    actual = f"choice {choice}, item {number}: {_show(other)}, sent {_show(one)}"
                    where = last_place(self.response)
                    self._fail(check, own or FindingKind.EVENTS, expected, actual, where)
                    break
        ids = list(dict.fromkeys(_id(event) for event in events if _id(event) is not None))
        if len(ids) > len({chunk.get("id") for chunk in sent.chunks(entry)}):
            actual = f"{len(ids)} ids: {excerpt(', '.join(map(str, ids)))}"
            where = last_place(self.response)
            self._fail(check, FindingKind.EVENTS, "one id for the stream", actual, where)
        return self

    def _body_problem(self) -> str | None:
        body = sent.decoded(self.response.body)
        error = body.get("error") if isinstance(body, dict) else None
        if isinstance(error, dict) and isinstance(error.get("message"), str) and error["message"]:
            return None
        return f"no error.message in {excerpt(self.response.body)}"


class BytesChecks(GatewayChecks):
    """The checks of a gateway of class `bytes`: the API's events pass as they are."""

    def _as_sent(self, check: str, clause: Blame | None) -> Self:
        expected = "the API's events, character by character"
        if "as sent" in self._reported or not self._has_stream(check, expected, clause):
            return self
        entry = self._request(check, expected, clause)
        if entry is None:
            return self
        wanted = [(event.type, event.data) for event in entry.events if event.data]
        received = [(event.type, event.data) for event in self.response.events if event.data]
        short = self.broken_off or self.response.transcript.ending is Ending.LEFT
        for number, (one, other) in enumerate(zip_longest(wanted, received), start=1):
            if one == other or (other is None and short):
                continue
            actual = f"event {number}: {_show(other)}, sent {_show(one)}"
            where = last_place(self.response)
            if other is not None and number <= len(self.response.events):
                where = place(self.response, self.response.events[number - 1])
            self._report_at("as sent", check, clause or FindingKind.EVENTS, expected, actual, where)
            break
        return self

    def _report_at(
        self, cause: str, check: str, blame: Blame, expected: str, actual: str, where: str
    ) -> None:
        if cause not in self._reported:
            self._reported.add(cause)
            self._fail(check, blame, expected, actual, where)

    def _reports_failure(self) -> bool:
        # The contract lets this class pass on an end of the API's that is clean in itself.
        return True

    def sse_format(self, *, clause: Blame | None = None) -> Self:
        """The head keeps its rules; the body's bytes are the API's (R1, R2)."""
        expected = "a well-formed head"
        if not self._has_stream("sse_format", expected, clause):
            return self
        for violation in self.response.violations:
            if violation.kind is FindingKind.HEAD:
                where = byte_place(self.response, violation.offset)
                self._fail("sse_format", violation.kind, violation.rule, violation.found, where)
        return self._as_sent("sse_format", clause)

    def utf8_valid(self, *, clause: Blame = FindingKind.TEXT) -> Self:
        """The body's bytes are the API's (R2)."""
        return self._as_sent("utf8_valid", clause)

    def no_error(self, *, clause: Blame | None = None) -> Self:
        """An event stream without an error that the API did not send (R2)."""
        return self._as_sent("no_error", clause)

    def chunk_count(self, expected: int, *, clause: Blame = FindingKind.EVENTS) -> Self:
        """The API's events arrived (R2)."""
        return self._as_sent("chunk_count", clause)

    def chunk_count_at_least(self, least: int, *, clause: Blame = FindingKind.EVENTS) -> Self:
        """The API's events arrived (R2)."""
        return self._as_sent("chunk_count_at_least", clause)

    def finish_reason(self, expected: str, *, clause: Blame | None = None) -> Self:
        """The API's events arrived (R2)."""
        return self._as_sent("finish_reason", clause)

    def done_marker(self, *, clause: Blame | None = None) -> Self:
        """`[DONE]` as the API sent it (R4), then the end of the message (R8)."""
        self._as_sent("done_marker", clause)
        self._eof("done_marker", clause)
        return self

    def no_done_marker(self, *, clause: Blame = FindingKind.DONE) -> Self:
        """`[DONE]` only where the API sent it (R4)."""
        return self._as_sent("no_done_marker", clause)

    def failed_stream(self, *, clause: Blame | None = None) -> Self:
        """`[DONE]` only where the API sent it, and an end to the message (R6)."""
        self._as_sent("failed_stream", clause)
        if self.response.transcript.ending is Ending.DEADLINE:
            self._eof("failed_stream", clause)
        return self

    def content_as_sent(self, *, clause: Blame | None = None) -> Self:
        """The API's events arrived (R2)."""
        return self._as_sent("content_as_sent", clause)

    def events_in_order(self, *, clause: Blame | None = None) -> Self:
        """The API's events arrived (R2)."""
        return self._as_sent("events_in_order", clause)

    def error_message(self, part: str, *, clause: Blame | None = None) -> Self:
        """The API's error arrived; the gateway's own words are free."""
        return self._as_sent("error_message", clause) if self.response.status == 200 else self

    def http_error(self, *statuses: int, clause: Blame = FindingKind.ERROR_ANSWER) -> Self:
        """The API's own answer arrives; without one the status is 502, 503 or 504 (R5)."""
        upstream = self.observation.upstream
        answered = [entry.status for entry in upstream if entry.status]
        return super().http_error(*(answered[-1:] or statuses), clause=clause)

    def failed(self, *statuses: int, clause: Blame | None = None) -> Self:
        """The API's own answer arrives, or the stream does not look finished (R5, R6)."""
        if self.response.status == 200:
            return self.failed_stream(clause=clause)
        return self.http_error(*(statuses or (502,)), clause=clause or FindingKind.ERROR_ANSWER)


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


def _call(call: Any) -> Any:
    """The parts of a tool call's delta that carry meaning; nulls are the same as absent."""
    if not isinstance(call, dict):
        return call
    parts = {"index": call.get("index"), "id": call.get("id"), **_object(call.get("function"))}
    return {name: value for name, value in parts.items() if value is not None}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_text(one: Any, other: Any) -> bool:
    return bool((one or other)[0] == "text")


def _id(event: Event) -> Any:
    return event.json.get("id") if isinstance(event.json, dict) else None


def _show(item: Any) -> str:
    return "nothing" if item is None else excerpt(str(item))


def last_entry(checks: Checks) -> JournalEntry | None:
    """The upstream request that was answered."""
    return checks.observation.upstream[-1] if checks.observation.upstream else None
