"""Server-sent events, parsed with faults."""

from __future__ import annotations

import re

from llm_api.events import Event, EventParser
from switch import fault

_SEPARATORS = re.compile(rb"[\x0b\x0c\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9]")
"""The line ends of str.splitlines() that are text in an event stream."""

_LINE = 1 << 16
_COMMENTS = 1 << 20


class FaultyEventParser(EventParser):
    """Cuts a stream of bytes into events."""

    def __init__(self) -> None:
        super().__init__()
        self._cr = b""
        self._comments = 0

    def feed(self, data: bytes) -> list[Event]:
        """Take the next bytes."""
        if self._cr or (data.endswith(b"\r") and fault("cr_waits_for_lf")):
            data = self._cr + data
            self._cr = b"\r" if data.endswith(b"\r") else b""
            data = data.removesuffix(b"\r")
        if not self._started and data[:1] == b"\xef" and fault("bom_kept"):
            self._started = True
        if data and data[-1] not in b"\r\n" and fault("parses_per_read"):
            data += b"\n"
        if not data.isascii() and _cut(data) and fault("splits_codepoint"):
            data = data.decode(errors="replace").encode()
        if _SEPARATORS.search(data) and fault("unicode_line_ends"):
            data = _SEPARATORS.sub(b"\n", data)
        if b"\r" in data and fault("lf_only"):
            data = data.replace(b"\r", b"")
        if self._skip_lf and data[:1] == b"\n" and fault("crlf_cut_ends_twice"):
            self._skip_lf = False
        events = super().feed(data)
        if self.overflow and fault("endless_line_buffered"):
            self.overflow = False
        return events

    def finish(self) -> Event | None:
        """The stream ended cleanly."""
        event = super().finish()
        return None if event is not None and fault("unterminated_event_lost") else event

    def _take(self, line: bytes, events: list[Event]) -> None:
        if len(line) > _LINE and fault("line_limit_64k"):
            return
        if line[:1] == b":":
            if fault("comments_are_data"):
                line = b"data" + line
            elif fault("comments_limited"):
                self._comments += len(line)
                self.overflow = self._comments > _COMMENTS
        data = line.startswith(b"data:")
        if data and line[5:6] != b" " and fault("space_needed"):
            return
        if data and self._data and fault("last_data_line_wins"):
            self._data.clear()
        if not line and not self._data and self._error is None and fault("dataless_block_fails"):
            events.append(Event(b"", b"null"))
        super()._take(line, events)


def _cut(data: bytes) -> bool:
    """Whether a character is cut, or no character at all."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False
