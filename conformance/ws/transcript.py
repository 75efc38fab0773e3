"""The transcript: what one client sent and saw, each line with its time and direction.

Times are seconds on the monotonic clock, which every process of the machine
shares: the transcripts of several clients can be merged. On paper they are
relative to the connection.

    +0.000 s  --  connected to ws://127.0.0.1:8765?name=Rob
    +0.001 s  <-  {"message": "Rob has connected"}    frame 1, expectation 1
    +0.001 s  ->  {"message": "Hello, world!"}    message 1
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from conformance.ws.frame import shown

_LINES = 60
"""Lines of a page; a longer transcript loses its middle. The JSON report has all of it."""

_TEXT = 100
"""Characters of a message on a line."""


class Direction(Enum):
    """Which way an entry went, from the client's place."""

    SENT = "->"
    RECEIVED = "<-"
    LOCAL = "--"
    """It happened to the client: connected, closed, waited."""


class What(Enum):
    """What an entry is about."""

    MESSAGE = "message"
    REQUEST = "request"
    """A REST request or its answer."""
    CONNECTION = "connection"
    BARRIER = "barrier"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transcript."""

    at: float
    direction: Direction
    what: What
    data: str | bytes
    """A message as it went over the wire; of other entries, a sentence."""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON types; binary data in base64, as `base64` instead of `text`."""
        data = (
            {"text": self.data}
            if isinstance(self.data, str)
            else {"base64": b64encode(self.data).decode("ascii")}
        )
        return {
            "at": self.at,
            "direction": {"->": "sent", "<-": "received", "--": "local"}[self.direction.value],
            "what": self.what.value,
            **data,
            "note": self.note,
        }


class Transcript:
    """The entries of one run, in the order in which they happened."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.created = time.monotonic()
        self.began = self.created
        """When connecting began: after the barriers, if there are some."""
        self.opened: float | None = None

    def add(
        self,
        direction: Direction,
        what: What,
        data: str | bytes,
        note: str = "",
        *,
        at: float | None = None,
    ) -> None:
        """Write down what happened, now or at `at`."""
        now = time.monotonic() if at is None else at
        self.entries.append(Entry(now, direction, what, data, note))

    @property
    def zero(self) -> float:
        """What times on paper are relative to."""
        return self.began if self.opened is None else self.opened

    def since(self, at: float) -> str:
        """A time on paper: `+0.013 s`."""
        return f"{at - self.zero:+.3f} s"

    def __str__(self) -> str:
        return page([("", self)])


def page(transcripts: Sequence[tuple[str, Transcript]]) -> str:
    """The transcripts of several named clients as one, in order of time."""
    if not transcripts:
        return ""
    zero = min(each.zero for _, each in transcripts)
    width = max(len(name) for name, _ in transcripts)
    merged = sorted(
        ((entry, name) for name, each in transcripts for entry in each.entries),
        key=lambda pair: pair[0].at,
    )
    lines = [_line(entry, name.ljust(width), zero) for entry, name in merged]
    return "\n".join(_middle_left_out(lines))


def _line(entry: Entry, name: str, zero: float) -> str:
    told = shown_data(entry)
    parts = [f"{entry.at - zero:+9.3f} s", name, entry.direction.value, told]
    line = "  ".join(each for each in parts if each)
    return f"{line}    {entry.note}" if entry.note else line


def shown_data(entry: Entry) -> str:
    """An entry's data on one line, safe for a terminal."""
    if entry.what is not What.MESSAGE or isinstance(entry.data, bytes):
        return entry.data if isinstance(entry.data, str) else shown(entry.data, _TEXT)
    if len(entry.data) <= _TEXT and entry.data.isprintable():
        return entry.data
    return shown(entry.data, _TEXT)


def _middle_left_out(lines: Sequence[str]) -> Iterable[str]:
    if len(lines) <= _LINES:
        return lines
    half = _LINES // 2
    return [*lines[:half], f"  … {len(lines) - 2 * half} more …", *lines[-half:]]
