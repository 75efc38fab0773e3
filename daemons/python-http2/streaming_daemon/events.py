"""Server-sent events, parsed from bytes (WHATWG HTML 9.2.5 and 9.2.6). No I/O.

Lines end in LF, CR or CRLF and in nothing else, so they are cut while the
stream is still bytes: U+2028, U+0085, VT and FF are text, and a character that
arrives in two reads is whole again before anybody decodes it. A line that ends
in CR is complete at once; should the next read begin with LF, that LF belongs
to it. Only `data` and `event` mean anything to a relay; `id`, `retry`, comments
and unknown fields are skipped.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_EVENT = 2 * 1024 * 1024
"""Bytes an event may take, field names and line ends included: twice what the contract asks."""

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One dispatched event."""

    type: bytes
    """Empty unless an `event:` field said otherwise."""
    data: bytes
    """The data lines joined with LF; undecoded."""


class EventParser:
    """Cuts a stream of bytes into events; cuts between reads mean nothing to it."""

    def __init__(self) -> None:
        self._line: list[bytes] = []  # the pieces of a line whose end has not arrived
        self._line_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._type = b""
        self._skip_lf = False
        self._started = False
        self.overflow = False
        """An event, or a line that never ends, exceeded MAX_EVENT; nothing more comes out."""

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
        """The stream ended cleanly: return the event its end cut short, if any.

        The standard drops it. A relay must not: it may be the finish_reason.
        So the end counts as the missing line ends, and whoever reads the event
        finds out whether it is whole. A line that was cut before it had any
        data comes back as an event of its own text: it parses as nothing.
        """
        line = b"".join(self._line)
        cut_short = line.strip() == b"data:" or not line.startswith((b":", b"data:"))
        if line and cut_short:
            return Event(b"", line)
        events: list[Event] = []
        if line:
            self._take(line, events)
        self._take(b"", events)
        return events[0] if events else None

    def _take(self, line: bytes, events: list[Event]) -> None:
        if not line:
            if self._data:
                events.append(Event(self._type, b"\n".join(self._data)))
                self._data = []
                self._data_size = 0
            self._type = b""
            return
        if line.startswith(b"data: "):
            value = line[6:]
        elif line.startswith(b"data:"):
            value = line[5:]
        elif line == b"data":
            value = b""
        else:
            if line.startswith(b"event:"):
                self._type = line[6:].removeprefix(b" ")
            return
        self._data.append(value)
        self._data_size += len(line) + 1

    def _strip_bom(self, data: bytes) -> bytes:
        """Drop one byte order mark at the very start, also when it arrives in pieces."""
        data = b"".join((*self._line, data))
        self._line = []
        self._line_size = 0
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._line = [data] if data else []
            self._line_size = len(data)
            return b""
        self._started = True
        return data.removeprefix(_BOM)
