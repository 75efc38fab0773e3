"""A parser for server-sent events (WHATWG HTML 9.2.5 and 9.2.6). No I/O.

Lines end in LF, CR or CRLF and in nothing else, so they are cut while the
stream is still bytes: U+2028, U+0085, VT and FF are text, and a character that
arrives in two reads is whole again before it is decoded. A line that ends in CR
is complete at once; if the next read begins with LF, that LF belongs to it. A
relay needs the fields `data` and `event`. It also needs `error`, which the
standard does not have and llama.cpp sends. `id`, `retry`, comments and unknown
fields are skipped.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_EVENT = 2 * 1024 * 1024
"""Size limit of one event in bytes, with its field names and line ends: twice the contract's."""

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One dispatched event."""

    type: bytes
    """The value of the `event` field, or empty."""
    data: bytes
    """The data lines joined with LF; undecoded."""
    error: bytes | None = None
    """The value of an `error` field, if the event has one."""


class EventParser:
    """Cuts a stream of bytes into events, wherever the reads are cut."""

    def __init__(self) -> None:
        self._line: list[bytes] = []  # the pieces of a line whose end has not arrived
        self._line_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._type = b""
        self._error: bytes | None = None
        self._skip_lf = False
        self._started = False
        self.overflow = False
        """An event, or a line without an end, exceeded MAX_EVENT; the parser has stopped."""

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes; return the events they complete. Look at `overflow` then."""
        if self.overflow:
            return []
        if self._skip_lf and data:
            self._skip_lf = False
            if data[0] == 0x0A:
                data = data[1:]
        if not self._started:
            data = self._strip_bom(data)
        if not data:
            return []
        lines = data.splitlines()  # of bytes: CR, LF and CRLF only
        last = data[-1]
        self._skip_lf = last == 0x0D
        rest = b"" if last in b"\r\n" else lines.pop()
        events: list[Event] = []
        if lines:
            if self._line:
                lines[0] = b"".join((*self._line, lines[0]))
                self._line = []
                self._line_size = 0
            for line in lines:
                self._take(line, events)
                if self._data_size > MAX_EVENT:
                    break
        if rest:
            self._line.append(rest)
            self._line_size += len(rest)
        if self._line_size + self._data_size > MAX_EVENT:
            self.overflow = True
        return events

    def finish(self) -> Event | None:
        """The stream ended cleanly: return the event that the end cut short, if any.

        The standard discards it. A relay must not: it may be the finish_reason.
        So the end counts as the missing line ends, and the reader of the event
        finds out whether it is whole. A line that was cut before it had any
        data becomes an event of its own text, which is not valid JSON.
        """
        line = b"".join(self._line)
        cut_short = line.strip() in (b"data:", b"error:") or not line.startswith(
            (b":", b"data:", b"error:")
        )
        if line and cut_short:
            return Event(b"", line)
        events: list[Event] = []
        if line:
            self._take(line, events)
        self._take(b"", events)
        return events[0] if events else None

    def _take(self, line: bytes, events: list[Event]) -> None:
        if not line:
            # An error counts without data as well: the standard would discard it.
            if self._data or self._error is not None or self._type == b"error":
                events.append(Event(self._type, b"\n".join(self._data), self._error))
                self._data = []
                self._data_size = 0
                self._error = None
            self._type = b""
            return
        if line.startswith(b"data: "):
            value = line[6:]
        elif line.startswith(b"data:"):
            value = line[5:]
        elif line == b"data":
            value = b""
        else:
            self._take_rare(line)
            return
        self._data.append(value)
        self._data_size += len(line) + 1

    def _take_rare(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"event":
            self._type = value.removeprefix(b" ")
        elif name == b"error":
            self._error = value.removeprefix(b" ")

    def _strip_bom(self, data: bytes) -> bytes:
        """Remove one byte order mark at the very start, also when it arrives in pieces."""
        data = b"".join((*self._line, data))
        self._line = []
        self._line_size = 0
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._line = [data] if data else []
            self._line_size = len(data)
            return b""
        self._started = True
        return data.removeprefix(_BOM)
