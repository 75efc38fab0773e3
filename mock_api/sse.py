"""Server-sent events as a receiver following the WHATWG rules assembles them.

The journal says which events were sent and when. It learns that from the bytes
of the body, not from whoever wrote the script: so a script may cut, join and
malform its events at will, and the journal still tells what a correct receiver
has made of it (HTML 9.2.6).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n)")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One event that a receiver dispatches."""

    end: int
    """How many bytes of the body it takes: with fewer there is no event yet.

    A carriage return ends its line at once; the line feed after it changes nothing.
    """
    data: str
    type: str
    """`message`, unless an `event` field said otherwise."""


def dispatches(body: bytes) -> tuple[Dispatch, ...]:
    """Every event in the body, in order. One without its blank line is none (HTML 9.2.6)."""
    found: list[Dispatch] = []
    lines: list[str] = []
    kind = ""
    start = len(_BOM) if body.startswith(_BOM) else 0
    # Without this bound a long rest that no line end closes would be tried from each of its bytes.
    end = max(body.rfind(b"\n"), body.rfind(b"\r")) + 1
    for match in _LINE.finditer(body, start, end):
        line = match[1]
        if not line:
            if lines:
                found.append(Dispatch(match.start(2) + 1, "\n".join(lines), kind or "message"))
                lines = []
            kind = ""
            continue
        name, colon, value = line.partition(b":")
        if colon and value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            lines.append(value.decode("utf-8", "replace"))
        elif name == b"event":
            kind = value.decode("utf-8", "replace")
    return tuple(each for each in found if each.data)
