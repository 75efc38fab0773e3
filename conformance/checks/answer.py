"""Checks on the answer alone: its head, its events and its text."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from conformance.checks import sent
from conformance.checks.recorder import Recorder
from conformance.core import chunk
from conformance.core.evidence import Ending, Event, Kind, Violation
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
    """What can be checked from the client's side."""

    # Values

    @cached_property
    def text(self) -> str:
        """The text of choice 0, put together from its chunks."""
        return "".join(chunk.text_of(event.json) for event in self.deltas)

    @cached_property
    def deltas(self) -> tuple[Event, ...]:
        """The chunks that carry text for choice 0, in either format."""
        return tuple(event for event in self.response.chunks if chunk.text_of(event.json))

    @property
    def complete(self) -> bool:
        """Whether the stream looks complete; for scenarios that allow both ends."""
        return bool(self._events(Kind.DONE)) and not self._events(Kind.ERROR)

    @property
    def whole(self) -> bool:
        """Whether every text that the API sent has arrived."""
        entries = self.observation.upstream
        return bool(entries) and self.text == "".join(sent.texts(entries[-1]))

    def _events(self, kind: Kind) -> tuple[Event, ...]:
        return tuple(event for event in self.response.events if event.kind is kind)

    # The head

    def http_status(self, expected: int, *, clause: str | None = None) -> Self:
        """The status code is this one (R1; an error's: R5)."""
        words = f"status {expected}"
        kind = FindingKind.ERROR_ANSWER if expected >= 400 else None
        if not self._has_head("http_status", words, kind=kind, clause=clause):
            return self
        if self.response.status != expected:
            self._report(
                "refused",
                "http_status",
                kind or FindingKind.HEAD,
                words,
                clause=clause,
                unserved=kind is None,
            )
        return self

    def header(self, name: str, value: str, *, clause: str | None = None) -> Self:
        """The header has exactly this value (R1)."""
        received = self.response.header(name)
        return self._header("header", f"{name}: {value}", name, received == value, clause)

    def header_contains(self, name: str, part: str, *, clause: str | None = None) -> Self:
        """The header's value contains this text, in either case (R1)."""
        received = self.response.header(name)
        holds = received is not None and part.lower() in received.lower()
        return self._header("header_contains", f"{name} containing {part!r}", name, holds, clause)

    def no_header(self, name: str, *, clause: str | None = None) -> Self:
        """The header is absent (R1)."""
        absent = self.response.header(name) is None
        return self._header("no_header", f"no {name} header", name, absent, clause)

    def _header(
        self, check: str, expected: str, name: str, holds: bool, clause: str | None
    ) -> Self:
        if self._has_head(check, expected) and not holds:
            value = self.response.header(name)
            actual = f"no {name} header" if value is None else f"{name}: {value:.{EXCERPT}}"
            self._fail(check, FindingKind.HEAD, expected, actual, HEAD, clause=clause)
        return self

    # The events

    def no_error(self) -> Self:
        """The answer is an event stream without an error event (R2; R4 where the text is whole)."""
        expected = "an event stream without an error"
        if self._has_events("no_error", expected, FindingKind.EVENTS):
            # All text has come: the daemon did not see that the API had finished.
            kind = FindingKind.DONE if self.whole else FindingKind.EVENTS
            for event in self._events(Kind.ERROR):
                where = place(self.response, event)
                self._fail("no_error", kind, expected, excerpt(event.data), where)
                self._reported.add("no [DONE]")  # follows from the error
        return self

    def sse_format(self, *, clause: str | None = None) -> Self:
        """No byte of head, framing and events breaks a rule (each rule cites its own clause)."""
        expected = "a well-formed event stream"
        if not self._has_stream("sse_format", expected):
            return self
        self._has_events("sse_format", expected, FindingKind.EVENTS)
        broken: dict[str, list[Violation]] = {}
        for violation in self.response.violations:
            broken.setdefault(violation.rule, []).append(violation)
        for rule, (first, *more) in broken.items():
            actual = first.found + (f" (and {len(more)} more such)" if more else "")
            where = byte_place(self.response, first.offset)
            own = clause if first.offset >= self.response.body_offset else None
            self._fail("sse_format", first.kind, rule, actual, where, clause=own)
        return self

    def utf8_valid(self, *, clause: str | None = None) -> Self:
        """The body's bytes are UTF-8 (R3)."""
        expected = "a body in valid UTF-8"
        if self._has_events("utf8_valid", expected, FindingKind.TEXT):
            body = self.response.body
            try:
                body.decode()
            except UnicodeDecodeError as error:
                around = excerpt(body[max(0, error.start - 30) : error.end + 30])
                actual = f"{body[error.start : error.end]!r} in {around}: {error.reason}"
                where = f"byte {error.start} of the body"
                kind = FindingKind.TEXT
                self._fail("utf8_valid", kind, expected, actual, where, clause=clause)
        return self

    def chunk_count(self, expected: int, *, clause: str | None = None) -> Self:
        """This number of chunks carries text (R2). Role, finish and usage chunks do not count."""
        words = f"{plural(expected, 'chunk')} with text"
        return self._count("chunk_count", words, expected, len(self.deltas) == expected, clause)

    def chunk_count_at_least(self, least: int) -> Self:
        """At least this number of chunks carries text (R2)."""
        words = f"at least {plural(least, 'chunk')} with text"
        return self._count("chunk_count_at_least", words, least, len(self.deltas) >= least, None)

    def _count(
        self, check: str, expected: str, number: int, holds: bool, clause: str | None
    ) -> Self:
        if self._has_events(check, expected, FindingKind.EVENTS) and not holds:
            received = len(self.deltas)
            actual = f"{received} with text; {arrived(self.response)}"
            lost = received < number and self.complete
            self._fail(
                check,
                FindingKind.EVENTS,
                expected,
                actual,
                last_place(self.response),
                clause=None if lost else clause,
                unserved=not lost,
            )
        return self

    # The connection's end

    def ended(self, *, clause: str | None = None) -> Self:
        """The client saw the end of the answer (R8)."""
        self._end("ended", clause)
        return self

    def _end(self, check: str, clause: str | None = None) -> None:
        transcript = self.response.transcript
        if transcript.ending.orderly:
            return
        if not transcript.reads:
            self._has_head(check, "EOF", clause=clause)
            return
        # A stream that hangs before its last event is held up (R7), not badly closed (R8).
        over = not self.response.events or self.response.events[-1].kind in (Kind.DONE, Kind.ERROR)
        late = transcript.ending is Ending.DEADLINE
        kind = FindingKind.LATE if late and not over else FindingKind.NOT_ENDED
        self._report(
            "no eof",
            check,
            kind,
            "EOF after the last byte",
            clause=None if late and over else clause,
            unserved=not over,
        )
