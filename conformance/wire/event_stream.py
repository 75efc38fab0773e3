"""The WHATWG event stream, as bytes in, events out (HTML 9.2.5 and 9.2.6).

Lines end in LF, CRLF or CR. A CR ends its line at once: waiting for a LF would hold an
event back. A LF that follows is skipped. A blank line dispatches the event of the lines
before it. A byte order mark is dropped before the first line only.

Lines are cut on bytes and decoded afterwards, so a code point that is split between two
reads needs no special case. A reader must accept nearly everything. This parser judges
the sender, so it reports as a violation what a reader forgives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from conformance.core.evidence import Violation
from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt

_LINE_END = re.compile(rb"\r\n?|\n")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One event, as the rules dispatch it."""

    data: str
    type: str
    offset: int
    """Where its first field starts."""


class EventStream:
    """Feed it the body's bytes with their offsets; it returns the events they complete."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.trailing: int | None = None
        """Where the first non-empty line since the last dispatched event starts."""
        self._line = bytearray()
        self._line_offset = 0
        self._after_cr = False
        self._first = True
        self._data: list[str] = []
        self._type = ""
        self._offset: int | None = None

    def feed(self, data: bytes, offset: int) -> list[Dispatched]:
        """Take the next bytes, of which the first is at `offset` of the response."""
        events: list[Dispatched] = []
        start = 1 if self._after_cr and data.startswith(b"\n") else 0
        self._after_cr = self._after_cr and not data
        for end in _LINE_END.finditer(data, start):
            if not self._line:
                self._line_offset = offset + start
            line = bytes(self._line) + data[start : end.start()]
            self._line.clear()
            start = end.end()
            self._after_cr = end.group() == b"\r" and start == len(data)
            event = self._take(line, self._line_offset)
            if event is not None:
                events.append(event)
        if start < len(data):
            if not self._line:
                self._line_offset = offset + start
            self._line += data[start:]
        return events

    def unfinished(self) -> int | None:
        """Where an unfinished event or line starts, should the stream end now; None without one."""
        if self._data and self._offset is not None:
            return self._offset
        return self._line_offset if self._line else None

    def _take(self, line: bytes, offset: int) -> Dispatched | None:
        if self._first:
            self._first = False
            if line.startswith(_BOM):
                line, offset = line[len(_BOM) :], offset + len(_BOM)
        if not line:
            return self._dispatch()
        if self.trailing is None:
            self.trailing = offset
        if not line.startswith(b":"):
            if self._offset is None:
                self._offset = offset
            self._field(line, offset)
        else:
            self._decode(line, offset)
        return None

    def _dispatch(self) -> Dispatched | None:
        data, kind, offset = self._data, self._type, self._offset
        self._data, self._type, self._offset = [], "", None
        if not data or offset is None:
            return None
        self.trailing = None
        event = Dispatched("\n".join(data), kind or "message", offset)
        if not event.data:
            self._violation("an event carries data (contract R2)", "an empty event", offset)
        return event

    def _field(self, line: bytes, offset: int) -> None:
        name, _, value = self._decode(line, offset).partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name not in ("id", "retry"):
            self._violation(
                "a field is data, event, id or retry (HTML 9.2.6)", excerpt(line), offset
            )

    def _decode(self, line: bytes, offset: int) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            bad = line[error.start : error.end]
            self._violation(
                "an event stream is UTF-8 (HTML 9.2.5)",
                f"{bad!r} in {excerpt(line[max(0, error.start - 30) : error.end + 30])}",
                offset + error.start,
                kind=FindingKind.TEXT,
            )
            return line.decode(errors="replace")

    def _violation(
        self, rule: str, found: str, offset: int, *, kind: FindingKind = FindingKind.EVENTS
    ) -> None:
        self.violations.append(Violation(rule=rule, kind=kind, found=found, offset=offset))
