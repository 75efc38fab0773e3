"""The transcript: everything one client sent and received, with times and directions.

Times are seconds on the monotonic clock, which all processes of the machine share, so the
transcripts of several clients can be merged. A printed page counts from the connection.

    +0.000 s  --  connected to ws://127.0.0.1:8765?name=Rob
    +0.001 s  <-  {"message": "Rob has connected"}    frame 1
    +0.001 s  ->  {"message": "Hello, world!"}    message 1
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from conformance.ws.frame import on_a_line

_LINES = 60
"""Lines of a page; a longer page loses its middle. The JSON report has every entry."""

_TEXT = 100
"""Characters of a message on a line."""

_SENTENCE = 400
"""Characters of any other entry on a line."""


class Direction(Enum):
    """The direction of an entry, from the client's point of view."""

    SENT = "->"
    RECEIVED = "<-"
    LOCAL = "--"
    """Inside the client: it connects, closes or waits."""


class What(Enum):
    """The subject of an entry."""

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
    """A message as it is on the wire; a sentence for any other entry."""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return JSON types; binary data is `base64` instead of `text`."""
        data = (
            {"text": self.data}
            if isinstance(self.data, str)
            else {"base64": b64encode(self.data).decode()}
        )
        return {
            "at": self.at,
            "direction": self.direction.name.lower(),
            "what": self.what.value,
            **data,
            "note": self.note,
        }


class Transcript:
    """The entries of one run, in order of time."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.created = time.monotonic()
        self.began = self.created
        """When connecting began, after the barriers before it."""
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
        """Add an entry for the present, or for the time `at`."""
        now = time.monotonic() if at is None else at
        self.entries.append(Entry(now, direction, what, data, note))

    @property
    def zero(self) -> float:
        """The time at which printed times start."""
        return self.began if self.opened is None else self.opened

    def since(self, at: float) -> str:
        """Return a time as it is printed: `+0.013 s`."""
        return f"{at - self.zero:+.3f} s"

    def __str__(self) -> str:
        return page([("", self)])


def page(transcripts: Sequence[tuple[str, Transcript]]) -> str:
    """Merge the transcripts of several named clients, in order of time."""
    if not transcripts:
        return ""
    zero = min(transcript.zero for _, transcript in transcripts)
    width = max(len(name) for name, _ in transcripts)
    merged = sorted(
        ((entry, name) for name, transcript in transcripts for entry in transcript.entries),
        key=lambda pair: pair[0].at,
    )
    lines = [_line(entry, name.ljust(width), zero) for entry, name in merged]
    half = _LINES // 2
    if len(lines) > _LINES:
        lines[half:-half] = [f"  … {len(lines) - 2 * half} more …"]
    return "\n".join(lines)


def _line(entry: Entry, name: str, zero: float) -> str:
    data = on_a_line(entry.data, _TEXT if entry.what is What.MESSAGE else _SENTENCE)
    parts = [f"{entry.at - zero:+9.3f} s", name, entry.direction.value, data]
    line = "  ".join(filter(None, parts))
    return f"{line}    {entry.note}" if entry.note else line
