"""Server-sent events as a receiver following the WHATWG rules assembles them.

The journal shows which events were sent and when. It reads them from the bytes of the body,
not from the script. So a script may cut, join and malform its events: the journal shows
the events of a correct receiver (HTML 9.2.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"

MOST_LINE = 16 * 1024 * 1024
"""Bytes of one line that are kept; a line may be endless. A script's own text is shorter."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One event that a receiver dispatches."""

    data: str
    type: str
    """`message`, unless a field `event` names another."""


class Assembler:
    """Turns the body, piece by piece, into events."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        """The parts of the line that has not ended."""
        self._size = 0
        self._data: list[str] = []
        """The data lines of the event that has not ended."""
        self._type = ""
        self._first = True
        self._after_return = False

    @property
    def between_events(self) -> bool:
        """No line and no event has begun: the next bytes are read by themselves."""
        return not (self._line or self._data or self._type or self._first or self._after_return)

    def feed(self, piece: bytes) -> Iterator[tuple[int, Dispatch]]:
        """Each event that the piece completes, and after how many of its bytes.

        A carriage return ends its line at once; a line feed after it is ignored. An event
        without data, or without its blank line, is ignored too.
        """
        start = 1 if self._after_return and piece[:1] == b"\n" else 0
        if piece:
            self._after_return = piece[-1:] == b"\r"
        for match in _LINE_END.finditer(piece, start):
            self._add(piece[start : match.start()])
            start = match.end()
            if self._ends_event():
                event = Dispatch("\n".join(self._data), self._type or "message")
                self._data, self._type = [], ""
                if event.data:
                    yield match.start() + 1, event
        self._add(piece[start:])

    def _add(self, part: bytes) -> None:
        if part and self._size < MOST_LINE:
            self._line.append(part)
            self._size += len(part)

    def _ends_event(self) -> bool:
        """Read the line, which is complete; whether it is blank."""
        line = b"".join(self._line)
        self._line.clear()
        self._size = 0
        if self._first:
            self._first = False
            line = line.removeprefix(_BOM)
        if not line:
            return True
        name, colon, value = line.partition(b":")
        if colon and value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._data.append(value.decode("utf-8", "replace"))
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
        return False
