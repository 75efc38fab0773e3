"""Checks on an answer that must have failed: in its status, or at the end of its stream."""

from __future__ import annotations

from typing import Self

from conformance.checks.answer import AnswerChecks
from conformance.checks.recorder import Blame
from conformance.core import exact_json as exact
from conformance.core.evidence import Kind
from conformance.core.finding import FindingKind
from conformance.core.quoting import arrived, byte_place, excerpt, last_place, place, plural


class FailureChecks(AnswerChecks):
    """What can be judged from the client's side when the API let the daemon down."""

    def failed_stream(self, *, clause: Blame | None = None) -> Self:
        """The stream ends as a failed one: one whole error event, last, no `[DONE]`, EOF (R6)."""
        check = "failed_stream"
        closed = self.response.transcript.ending.orderly
        own = FindingKind.ERROR_EVENT if clause is None or closed else clause
        expected = "exactly one error event, last"
        if not self._has_stream(check, expected, clause) or not self._has_events(
            check, expected, own
        ):
            return self
        errors = self._events(Kind.ERROR)
        if len(errors) != 1:
            actual = f"{plural(len(errors), 'error event')}; {arrived(self.response)}"
            self._fail(check, own, expected, actual, last_place(self.response))
        for event in errors:
            if problem := _error_problem(event.json):
                shape = 'an error shaped {"error":{"message","type","code"}}'
                where = place(self.response, event)
                self._fail(
                    check,
                    FindingKind.ERROR_EVENT,
                    shape,
                    f"{problem}: {excerpt(event.data)}",
                    where,
                )
        if errors and self.response.events[-1] is not errors[-1]:
            after = self.response.events[-1]
            actual = f"after it came {excerpt(after.data)}"
            self._fail(check, own, expected, actual, place(self.response, after))
        elif not errors and self._events(Kind.DONE):
            done = self._events(Kind.DONE)[0]
            self._fail(check, own, "no [DONE]", "[DONE]", place(self.response, done))
        if errors:
            self._eof(check, clause)
        return self

    def http_error(self, *statuses: int, clause: Blame = FindingKind.ERROR_ANSWER) -> Self:
        """The answer is an error: one of these statuses and the JSON body of R6 (R5)."""
        expected = f"status {' or '.join(map(str, statuses))} with a JSON error body"
        if not self._has_head("http_error", expected, clause):
            return self
        if self.response.status not in statuses:
            # Told in the stream, it is told; but not where the client looks for it.
            own = FindingKind.ERROR_ANSWER if self._events(Kind.ERROR) else clause
            self._report("refused", "http_error", own, expected)
            return self
        if problem := _error_problem(_json(self.response.body)):
            actual = f"{problem}: {excerpt(self.response.body)}"
            where = byte_place(self.response, self.response.body_offset)
            self._fail("http_error", FindingKind.ERROR_ANSWER, expected, actual, where)
        return self

    def failed(self, *statuses: int, clause: Blame | None = None) -> Self:
        """The answer says that it failed: by its status (R5), or at the stream's end (R6).

        Which of the two is the daemon's choice where the API's head was a good
        one: its own may have left by then, or not. statuses: of the error, 502
        unless others are given.
        """
        if self.response.status == 200:
            return self.failed_stream(clause=clause).no_done_marker(
                clause=clause or FindingKind.DONE
            )
        return self.http_error(*(statuses or (502,)), clause=clause or FindingKind.ERROR_ANSWER)

    def error_message(self, part: str, *, clause: Blame | None = None) -> Self:
        """The error, in the stream (R6) or in its place (R5), says this."""
        expected = f"an error whose message contains {part!r}"
        if not self._has_head("error_message", expected, clause):
            return self
        if errors := self._events(Kind.ERROR):
            value, where = errors[-1].json, place(self.response, errors[-1])
        else:
            value, where = _json(self.response.body), "response body"
        if part not in _message(value):
            own = clause or (
                FindingKind.ERROR_EVENT if self.response.status == 200 else FindingKind.ERROR_ANSWER
            )
            actual = repr(_message(value)) if _message(value) else f"none; {arrived(self.response)}"
            self._fail("error_message", own, expected, actual, where)
        return self


def _json(body: bytes) -> object:
    """The body decoded; None where it is no JSON."""
    try:
        return exact.decode(body)
    except ValueError:
        return None


def _message(value: object) -> str:
    """An error's message; empty where there is none."""
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
