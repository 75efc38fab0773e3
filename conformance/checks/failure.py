"""Checks on an answer that must have failed: in its status, or at the end of its stream."""

from __future__ import annotations

from typing import Self

from conformance.checks.completion import CompletionChecks
from conformance.core import exact_json
from conformance.core.evidence import Kind
from conformance.core.finding import FindingKind
from conformance.core.quoting import arrived, byte_place, excerpt, last_place, place, plural


class FailureChecks(CompletionChecks):
    """What can be checked from the client's side when the API failed."""

    def api_broke(self) -> Self:
        """No check: the API broke its message off, so that a proxy may lose the end of it."""
        return self

    def failed_stream(self) -> Self:
        """The stream ends as a failed one: one whole error event, last, no `[DONE]`, EOF (R6)."""
        check, kind = "failed_stream", FindingKind.ERROR_EVENT
        expected = "exactly one error event, last"
        if not self._has_events(check, expected, kind):
            return self
        unserved = not self.response.transcript.ending.orderly
        errors = self._events(Kind.ERROR)
        if len(errors) != 1:
            actual = f"{plural(len(errors), 'error event')}; {arrived(self.response)}"
            where = last_place(self.response)
            self._fail(check, kind, expected, actual, where, unserved=unserved)
        for event in errors:
            if problem := _error_problem(event.json):
                shape = 'an error shaped {"error":{"message","type","code"}}'
                where = place(self.response, event)
                self._fail(check, kind, shape, f"{problem}: {excerpt(event.data)}", where)
        if errors and self.response.events[-1] is not errors[-1]:
            after = self.response.events[-1]
            actual = f"after it came {excerpt(after.data)}"
            where = place(self.response, after)
            self._fail(check, kind, expected, actual, where, unserved=unserved)
        elif not errors and self._events(Kind.DONE):
            where = place(self.response, self._events(Kind.DONE)[0])
            self._fail(check, kind, "no [DONE]", "[DONE]", where, unserved=unserved)
        if errors:
            self._end(check)
        return self

    def http_error(self, *statuses: int, clause: str | None = None) -> Self:
        """The answer is an error: one of these statuses and the JSON body of R6 (R5)."""
        check, kind = "http_error", FindingKind.ERROR_ANSWER
        expected = f"status {' or '.join(map(str, statuses))} with a JSON error body"
        if not self._has_head(check, expected, kind=kind, clause=clause):
            return self
        if self.response.status not in statuses:
            # A failure reported in the stream is reported, but not where the client looks.
            own = None if self._events(Kind.ERROR) else clause
            self._report("refused", check, kind, expected, clause=own, unserved=False)
            return self
        if problem := _error_problem(_json(self.response.body)):
            actual = f"{problem}: {excerpt(self.response.body)}"
            where = byte_place(self.response, self.response.body_offset)
            self._fail(check, kind, expected, actual, where)
        return self

    def http_error_before_reset(self, status: int) -> Self:
        """The API's error arrives, although the API resets its connection after it (R5)."""
        return self.http_error(status)

    def failed(self, *statuses: int) -> Self:
        """The answer reports its failure: by its status (R5), or at the stream's end (R6).

        After a good head of the API both are right: the daemon's own head may have left
        by then, or not. statuses: of the error, 502 unless others are given.
        """
        if self.response.status == 200:
            return self.failed_stream().no_done_marker()
        return self.http_error(*(statuses or (502,)))

    def error_message(self, part: str) -> Self:
        """The error, in the stream (R6) or in its place (R5), contains this text."""
        expected = f"an error whose message contains {part!r}"
        if not self._has_head("error_message", expected):
            return self
        if errors := self._events(Kind.ERROR):
            value, where = errors[-1].json, place(self.response, errors[-1])
        else:
            value, where = _json(self.response.body), "response body"
        if part not in _message(value):
            streamed = self.response.status == 200
            kind = FindingKind.ERROR_EVENT if streamed else FindingKind.ERROR_ANSWER
            actual = repr(_message(value)) if _message(value) else f"none; {arrived(self.response)}"
            self._fail("error_message", kind, expected, actual, where)
        return self


def _json(body: bytes) -> object:
    """The body decoded; None where it is not JSON."""
    try:
        return exact_json.decode(body)
    except ValueError:
        return None


def _message(value: object) -> str:
    """An error's message; empty where it does not have one."""
    error = value.get("error") if isinstance(value, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else ""


def _error_problem(value: object) -> str | None:
    """What is wrong with a decoded error object, or None."""
    if not isinstance(value, dict):
        return "no JSON object"
    error = value.get("error")
    if not isinstance(error, dict):
        return "no error object"
    missing = [key for key in ("message", "type", "code") if key not in error]
    if missing:
        return f"no {' and no '.join(missing)}"
    if not isinstance(error["message"], str) or not error["message"]:
        return "no text for a message"
    return None
