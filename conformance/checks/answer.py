"""Checks on the answer alone: its head, its events, its text, its end."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from conformance.checks import sent
from conformance.checks.recorder import Blame, Recorder
from conformance.core import chunk as delta
from conformance.core.evidence import Ending, Event, Format, Kind, Violation
from conformance.core.finding import FindingKind
from conformance.core.quoting import (
    EXCERPT,
    arrived,
    byte_place,
    excerpt,
    last_place,
    place,
    plural,
)

HEAD = "response head"


class AnswerChecks(Recorder):
    """What can be judged from the client's side."""

    # Values

    @cached_property
    def text(self) -> str:
        """The text of choice 0, put together from its deltas."""
        return "".join(delta.text_of(event.json) for event in self.deltas)

    @cached_property
    def deltas(self) -> tuple[Event, ...]:
        """The chunks that carry text for choice 0: what both formats have in common."""
        return tuple(event for event in self.response.chunks if delta.text_of(event.json))

    @property
    def complete(self) -> bool:
        """The stream says that it is complete; for scenarios in which both endings are right."""
        return bool(self._events(Kind.DONE)) and not self._events(Kind.ERROR)

    def _events(self, kind: Kind) -> tuple[Event, ...]:
        return tuple(event for event in self.response.events if event.kind is kind)

    # The head

    def http_status(self, expected: int, *, clause: Blame | None = None) -> Self:
        """The status code (R1; an error's: R5)."""
        told = f"status {expected}"
        fitting = clause or (FindingKind.ERROR_ANSWER if expected >= 400 else None)
        if not self._has_head("http_status", told, fitting):
            return self
        if self.response.status != expected:
            self._report("refused", "http_status", fitting or FindingKind.HEAD, told)
        return self

    def header(self, name: str, value: str, *, clause: Blame = FindingKind.HEAD) -> Self:
        """The header is there with exactly this value (R1)."""
        expected = f"{name}: {value}"
        if self._has_head("header", expected, None):
            found = self.response.header(name)
            if found != value:
                self._fail("header", clause, expected, _header(name, found), HEAD)
        return self

    def header_contains(self, name: str, part: str, *, clause: Blame = FindingKind.HEAD) -> Self:
        """The header's value contains this, in either case (R1)."""
        expected = f"{name} containing {part!r}"
        if self._has_head("header_contains", expected, None):
            found = self.response.header(name)
            if found is None or part.lower() not in found.lower():
                self._fail("header_contains", clause, expected, _header(name, found), HEAD)
        return self

    def no_header(self, name: str, *, clause: Blame = FindingKind.HEAD) -> Self:
        """The header is absent (R1)."""
        expected = f"no {name} header"
        if self._has_head("no_header", expected, None):
            found = self.response.header(name)
            if found is not None:
                self._fail("no_header", clause, expected, _header(name, found), HEAD)
        return self

    # Errors

    def no_error(self, *, clause: Blame | None = None) -> Self:
        """An event stream without an error event (R2: none invented)."""
        expected = "an event stream without an error"
        if not self._has_stream("no_error", expected, clause):
            return self
        if self._has_events("no_error", expected, clause or FindingKind.EVENTS):
            for event in self._events(Kind.ERROR):
                where = place(self.response, event)
                self._fail(
                    "no_error", clause or FindingKind.EVENTS, expected, excerpt(event.data), where
                )
                self._reported.add("no [DONE]")  # is what has to follow from an error
        return self

    # The stream

    def sse_format(self, *, clause: Blame | None = None) -> Self:
        """Not one byte of head, framing and events breaks a rule (each its own clause)."""
        expected = "a well-formed event stream"
        if not self._has_stream("sse_format", expected, clause):
            return self
        self._has_events("sse_format", expected, clause or FindingKind.EVENTS)
        broken: dict[str, list[Violation]] = {}
        for violation in self.response.violations:
            broken.setdefault(violation.rule, []).append(violation)
        for rule, (first, *more) in broken.items():
            actual = first.found + (f" (and {len(more)} more such)" if more else "")
            where = byte_place(self.response, first.offset)
            own = clause if clause and first.offset >= self.response.body_offset else first.kind
            self._fail("sse_format", own, rule, actual, where)
        return self

    def utf8_valid(self, *, clause: Blame = FindingKind.TEXT) -> Self:
        """The body's bytes are UTF-8 (R3)."""
        expected = "a body in valid UTF-8"
        if self._has_stream("utf8_valid", expected, None) and self._has_events(
            "utf8_valid", expected, clause
        ):
            body = self.response.body
            try:
                body.decode()
            except UnicodeDecodeError as error:
                around = excerpt(body[max(0, error.start - 30) : error.end + 30])
                actual = f"{body[error.start : error.end]!r} in {around}: {error.reason}"
                self._fail(
                    "utf8_valid", clause, expected, actual, f"byte {error.start} of the body"
                )
        return self

    def chunk_count(self, expected: int, *, clause: Blame = FindingKind.EVENTS) -> Self:
        """So many chunks carry text (R2). Role, finish and usage chunks are not counted."""
        return self._count(
            "chunk_count", f"{plural(expected, 'chunk')} with text", clause, expected
        )

    def chunk_count_at_least(self, least: int, *, clause: Blame = FindingKind.EVENTS) -> Self:
        """At least so many chunks carry text (R2)."""
        told = f"at least {plural(least, 'chunk')} with text"
        return self._count("chunk_count_at_least", told, clause, least, exactly=False)

    def _count(
        self, check: str, expected: str, clause: Blame, number: int, *, exactly: bool = True
    ) -> Self:
        if self._has_stream(check, expected, None) and self._has_events(check, expected, clause):
            found = len(self.deltas)
            if found < number or (exactly and found > number):
                actual = f"{found} with text; {arrived(self.response)}"
                own = FindingKind.EVENTS if found < number and self.complete else clause
                self._fail(check, own, expected, actual, last_place(self.response))
        return self

    # Its end

    def finish_reason(self, expected: str, *, clause: Blame | None = None) -> Self:
        """Choice 0 finished once, with this reason (R2).

        The simple format carries no reason: there `[DONE]` is what says that
        the answer is finished, and is looked for instead (R4).
        """
        told = f"finish_reason {expected!r}, once"
        if not self._has_stream("finish_reason", told, clause) or not self._has_events(
            "finish_reason", told, clause or FindingKind.EVENTS
        ):
            return self
        if self.response.format is Format.SIMPLE:
            if not self._events(Kind.DONE):
                self._no_done("finish_reason", clause)
            return self
        found = self._finishes()
        if [reason for _, reason in found] != [expected]:
            actual = ", ".join(repr(reason) for _, reason in found) or "none"
            where = place(self.response, found[0][0]) if found else last_place(self.response)
            self._fail("finish_reason", clause or FindingKind.EVENTS, told, actual, where)
        return self

    def no_finish_reason(self, *, clause: Blame = FindingKind.ERROR_EVENT) -> Self:
        """No choice was given a finish reason (R6). In the simple format: see no_done_marker."""
        expected = "no finish_reason"
        if self._has_stream("no_finish_reason", expected, None) and self._has_events(
            "no_finish_reason", expected, clause
        ):
            for event in self.response.chunks:
                for choice in delta.choices(event.json):
                    if (reason := choice.get("finish_reason")) is not None:
                        where = place(self.response, event)
                        self._fail("no_finish_reason", clause, expected, repr(reason), where)
        return self

    def _finishes(self) -> list[tuple[Event, object]]:
        return [
            (event, reason)
            for event in self.response.chunks
            for reason in delta.finish_of(event.json)
        ]

    def done_marker(self, *, clause: Blame | None = None) -> Self:
        """Exactly one `[DONE]`, nothing after it (R4), then EOF (R8)."""
        expected = "exactly one [DONE], last"
        if not self._has_stream("done_marker", expected, clause) or not self._has_events(
            "done_marker", expected, clause or FindingKind.DONE
        ):
            return self
        done = self._events(Kind.DONE)
        if not done:
            self._no_done("done_marker", clause)
            return self
        if len(done) > 1:
            where = place(self.response, done[1])
            self._fail("done_marker", FindingKind.DONE, expected, f"{len(done)} of them", where)
        elif rest := [each for each in self.response.violations if each.kind is FindingKind.DONE]:
            where = byte_place(self.response, rest[0].offset)
            self._fail(
                "done_marker", FindingKind.DONE, expected, f"after it came {rest[0].found}", where
            )
        self._eof("done_marker", clause)
        return self

    def no_done_marker(self, *, clause: Blame = FindingKind.DONE) -> Self:
        """No `[DONE]`: the API did not finish (R4)."""
        expected = "no [DONE]"
        if self._has_stream("no_done_marker", expected, None) and self._has_events(
            "no_done_marker", expected, clause
        ):
            for event in self._events(Kind.DONE):
                where = place(self.response, event)
                self._fail("no_done_marker", clause, expected, "[DONE]", where)
        return self

    def _no_done(self, check: str, clause: Blame | None) -> None:
        actual = f"none; {arrived(self.response)}"
        own = FindingKind.DONE if clause is None or self._whole else clause
        self._report("no [DONE]", check, own, "exactly one [DONE], last", actual=actual)

    @property
    def _whole(self) -> bool:
        """Every text that the API sent has come, and the stream has ended without an error."""
        if not self.response.transcript.ending.orderly or self._events(Kind.ERROR):
            return False
        entries = self.observation.upstream
        return bool(entries) and self.text == "".join(sent.texts(entries[-1]))

    def ended(self, *, clause: Blame | None = None) -> Self:
        """The client saw EOF (R8)."""
        self._eof("ended", clause)
        return self

    def _eof(self, check: str, clause: Blame | None) -> None:
        transcript = self.response.transcript
        if transcript.ending.orderly:
            return
        if not transcript.reads:
            self._has_head(check, "EOF", clause)
            return
        # A stream that hangs before its last event is held up (R7), not badly closed (R8).
        over = not self.response.events or self.response.events[-1].kind in (Kind.DONE, Kind.ERROR)
        own: Blame
        if over and transcript.ending is Ending.DEADLINE:
            own = FindingKind.NOT_ENDED  # all of it was served: whoever asks
        else:
            own = clause or (
                FindingKind.LATE if transcript.ending is Ending.DEADLINE else FindingKind.NOT_ENDED
            )
        actual = f"{arrived(self.response)}"
        self._report("no eof", check, own, "EOF after the last byte", actual=actual)


def _header(name: str, value: str | None) -> str:
    return f"no {name} header" if value is None else f"{name}: {value:.{EXCERPT}}"
