"""The strict parser of a daemon's answer, from bytes to a Response, without I/O.

Three layers each check their own rules. http1_message.py reads the HTTP/1.1 head and the
bytes of the body, event_stream.py the events in them. This module reads the events'
content: chunks of one of the two formats, `[DONE]`, an error. Where the bytes break a
rule, the parser notes a Violation and reads on as a lenient client would, so that every
check has something to look at.

`parse` takes a whole transcript. A running exchange feeds a ResponseParser read by read.
The cuts between reads change the time stamps only.
"""

from __future__ import annotations

import json

from conformance.core import chunk, exact_json
from conformance.core.evidence import (
    Event,
    Format,
    Kind,
    Read,
    Response,
    Transcript,
    Violation,
)
from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt
from conformance.wire.event_stream import Dispatched, EventStream
from conformance.wire.http1_message import CLOSE_DELIMITED, Framing, HeadRules


def parse(transcript: Transcript, rules: HeadRules = CLOSE_DELIMITED) -> Response:
    """Parse a transcript: head, body, events, and every place that breaks a rule."""
    parser = ResponseParser(rules)
    for read in transcript.reads:
        parser.feed(read)
    return parser.response(transcript)


class ResponseParser:
    """The parser, fed read by read."""

    def __init__(self, rules: HeadRules = CLOSE_DELIMITED) -> None:
        self.events: list[Event] = []
        """Every event dispatched so far."""
        self._framing = Framing(rules)
        self._stream: EventStream | None = None
        self._body: list[bytes] = []
        self._format: Format | None = None
        self._mixed = False
        self._violations: list[Violation] = []

    @property
    def head_seen(self) -> bool:
        """Whether a readable head is complete."""
        return self._framing.status is not None

    @property
    def message_ended(self) -> bool:
        """Whether the message ended by its own framing, where the profile allows that."""
        return self._framing.message_ended

    def feed(self, read: Read) -> None:
        """Take the next read."""
        pieces = self._framing.feed(read.data)
        if self._stream is None and _is_event_stream(self._framing.headers):
            self._stream = EventStream()
        for offset, data in pieces:
            self._body.append(data)
            if self._stream is not None:
                for event in self._stream.feed(data, offset):
                    self._take(event, read.at)

    def response(self, transcript: Transcript) -> Response:
        """The Response of this transcript; feeding may continue afterwards."""
        violations = [*self._framing.violations, *self._violations, *self._at_end(transcript)]
        cut = self._cut(transcript)
        truncated = cut is not None and self._framing.seen and self._framing.rules.framed
        if cut is not None and not truncated:
            violations.append(cut)
        if self._stream is not None:
            violations += self._stream.violations
        framing = self._framing
        return Response(
            transcript=transcript,
            status=framing.status,
            headers=framing.headers,
            body=b"".join(self._body),
            body_offset=framing.body_offset,
            events=tuple(self.events),
            format=None if self._mixed else self._format,
            violations=tuple(sorted(violations, key=lambda each: each.offset)),
            truncated=truncated,
        )

    def _cut(self, transcript: Transcript) -> Violation | None:
        """What the framing still lacks at an orderly end of the connection."""
        if not transcript.ending.orderly or not transcript.reads:
            return None
        return self._framing.unfinished()

    def _take(self, dispatched: Dispatched, at: float) -> None:
        data, offset = dispatched.data, dispatched.offset
        value, problem = _decode(data)
        kind = chunk.kind_of(data, value)
        named = dispatched.type != "message"
        if data and problem:
            self._violation(problem, excerpt(data), offset)
        elif kind is Kind.OTHER and data and not named:
            self._violation("an event is a chunk, an error or [DONE]", excerpt(data), offset)
        elif kind is Kind.CHUNK and named:
            rule = "a chunk has no event name: EventSource.onmessage would not see it (HTML 9.2.6)"
            self._violation(rule, f"event: {dispatched.type}", offset)
        if kind is Kind.CHUNK:
            self._check_format(value, data, offset)
        if self.events and self.events[-1].kind is Kind.DONE:
            self._after_done(excerpt(data), offset)
        self.events.append(Event(kind, data, value, dispatched.type, offset, at))

    def _check_format(self, value: object, data: str, offset: int) -> None:
        form = chunk.format_of(value)
        if self._format is not None and form is not self._format and not self._mixed:
            self._mixed = True
            rule = "all chunks are in one format, simple or openai"
            self._violation(rule, f"one in the other format: {excerpt(data)}", offset)
        self._format = self._format or form

    def _at_end(self, transcript: Transcript) -> list[Violation]:
        found: list[Violation] = []
        unfinished = trailing = None
        if self._stream is not None:
            unfinished = self._stream.unfinished()
            trailing = self._stream.trailing if self._stream.trailing is not None else unfinished
        done = bool(self.events) and self.events[-1].kind is Kind.DONE
        if done and trailing is not None:
            found.append(_after_done(excerpt(transcript.raw[trailing:]), trailing))
        # After any other end the rest may have been on its way.
        if not transcript.ending.orderly or not transcript.reads:
            return found
        if unfinished is not None and not done:
            found.append(
                Violation(
                    rule="an event ends with a blank line (HTML 9.2.6)",
                    kind=FindingKind.EVENTS,
                    found=excerpt(transcript.raw[unfinished:]),
                    offset=unfinished,
                )
            )
        return found

    def _after_done(self, found: str, offset: int) -> None:
        self._violations.append(_after_done(found, offset))

    def _violation(self, rule: str, found: str, offset: int) -> None:
        self._violations.append(
            Violation(rule=rule, kind=FindingKind.EVENTS, found=found, offset=offset)
        )


def _after_done(found: str, offset: int) -> Violation:
    return Violation(
        rule="nothing follows [DONE] (contract R4)",
        kind=FindingKind.DONE,
        found=found,
        offset=offset,
    )


def _decode(data: str) -> tuple[object, str | None]:
    if data == chunk.DONE:
        return None, None
    try:
        return exact_json.decode(data), None
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return None, "an event's data is one JSON value"
        return None, "an event's data is JSON or [DONE]"
    except ValueError:
        return None, "an event's data is JSON or [DONE]"


def _is_event_stream(headers: tuple[tuple[str, str], ...]) -> bool:
    values = [value for name, value in headers if name == "content-type"]
    return any(value.partition(";")[0].strip().lower() == "text/event-stream" for value in values)
