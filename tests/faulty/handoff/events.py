"""Server-sent events out of a stream of bytes (HTML 9.2.5 and 9.2.6). No I/O.

How the bytes were cut into reads means nothing: a line is taken when its end
has come, and only then decoded, so that no cut can fall inside a character.
A line ends with CR, LF or CRLF. A CR ends its line at once, because after the
last CR of an event nothing may come for minutes; an LF that follows is then
skipped, in whichever read it comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from switch import fault

MAX_EVENT = 2 << 20
"""Bytes of one event. The contract wants 1 MiB of text; JSON and several lines add to it."""

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n?|\n")


class EventTooLargeError(Exception):
    """An event went on for more than MAX_EVENT bytes."""


class Event(NamedTuple):
    """A dispatched event."""

    type: str
    """`message` unless an `event:` field said otherwise."""
    data: str


class EventStream:
    """Feed it the body's bytes; it returns the events that they complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._line_end = _LINE_END
        if fault("lf_only"):
            self._line_end = re.compile(rb"\r?\n")
        self._scanned = 0
        self._skip_lf = False
        self._first = True
        self._type = ""
        self._data: list[str] = []
        self._error: str | None = None
        """The value of llama.cpp's own field `error`."""
        self._size = 0

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes. EventTooLargeError when an event does not end."""
        if fault("parses_per_read"):
            self._buffer.clear()
            self._scanned = 0
        if fault("splits_codepoint"):
            data = data.decode(errors="replace").encode()
        if self._skip_lf and data:
            self._skip_lf = False
            data = data.removeprefix(b"\n")
        torn = bool(self._buffer)
        self._buffer += data
        events = [event for line in self._lines() if (event := self._take(line))]
        if self._size + len(self._buffer) > MAX_EVENT and not fault("endless_line_buffered"):
            raise EventTooLargeError(f"an event of more than {MAX_EVENT} bytes")
        if torn and len(events) > 1 and fault("coalesced_reversed"):
            events[:2] = events[1::-1]
        return events

    def finish(self) -> list[Event]:
        """The stream ended cleanly: the event whose closing blank line never came.

        HTML would discard it. Here it is the last word of an answer that
        otherwise looks complete, and losing it unnoticed would be worse.
        """
        if fault("unterminated_event_lost"):
            return []
        return self.feed(b"\n\n")

    def _lines(self) -> Iterator[bytes]:
        at = 0
        while end := self._line_end.search(self._buffer, max(at, self._scanned)):
            last_cr = end[0] == b"\r" and end.end() == len(self._buffer)
            if last_cr and fault("cr_waits_for_lf"):
                break
            line = bytes(self._buffer[at : end.start()])
            at = end.end()
            self._skip_lf = last_cr and not fault("crlf_cut_ends_twice")
            if fault("unicode_line_ends") and line:
                yield from (each.encode() for each in line.decode(errors="replace").splitlines())
            else:
                yield line
        del self._buffer[:at]
        self._scanned = 0 if self._buffer and fault("cr_waits_for_lf") else len(self._buffer)
        if self._scanned > 1 << 16 and fault("line_limit_64k"):
            self._buffer.clear()
            self._scanned = 0

    def _take(self, line: bytes) -> Event | None:
        if not line:
            return self._dispatch()
        if self._first and line.startswith(_BOM) and not fault("bom_kept"):
            line = line.removeprefix(_BOM)
        self._first = False
        text = line.decode(errors="strict" if fault("invalid_utf8_dies") else "replace")
        name, _, value = text.partition(":")
        if value == "[DONE]" and fault("done_as_content"):
            value = " [DONE]\n"  # Not what this daemon knows, `data: [DONE]`.
        value = value.removeprefix(" ")
        if name == "data":
            self._data = [] if self._data and fault("last_data_line_wins") else self._data
            self._data.append(value)
            self._size += len(line)
        elif name == "event":
            self._type = value
        elif name == "error":
            self._error = value
        return None

    def _dispatch(self) -> Event | None:
        kind, data, error = self._type or "message", self._data, self._error
        self._type, self._data, self._error, self._size = "", [], None, 0
        if (error is not None or (kind == "error" and not data)) and not fault(
            "bare_error_ignored"
        ):
            return Event("error", error or "")
        if not data:
            return None
        return Event(kind, "\n".join(data))
