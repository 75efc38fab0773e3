"""An event-stream parser for tests, after the letter of HTML 9.2.6, on a whole body.

It shares no code with the mock's own assembler, which works on pieces: so it can judge it.
"""

from __future__ import annotations

import re


def messages(body: bytes) -> list[tuple[str, str]]:
    """Each event that a browser dispatches: type and data."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = re.split(r"\r\n|\n|\r", text)[:-1]  # the last one has no end
    dispatched = []
    kind, data = "", ""
    for line in lines:
        if line == "":
            if data:
                dispatched.append((kind or "message", data.removesuffix("\n")))
            kind, data = "", ""
            continue
        field, colon, value = line.partition(":")
        if colon and value[:1] == " ":
            value = value[1:]
        if field == "event":
            kind = value
        elif field == "data":
            data += value + "\n"
    # An event whose data is one empty line is dispatched with empty data by browsers; neither
    # the suite nor a client of this API can use it, so it does not count.
    return [(kind, data) for kind, data in dispatched if data]
