"""A frame: one message from the server, with its arrival time and its JSON document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any


class NotJson(Enum):
    """The document of a frame without JSON. It differs from None, the document null."""

    NOT_JSON = "not JSON"


NOT_JSON = NotJson.NOT_JSON


@dataclass(frozen=True, slots=True)
class Frame:
    """One complete message; `number` counts from 1."""

    number: int
    at: float
    """When the client read it, in seconds on the monotonic clock."""
    raw: str | bytes
    """The message as it arrived: text or binary."""
    document: Any
    """Its JSON, also that of a binary message, or NOT_JSON."""

    @property
    def referable(self) -> Any:
        """The document that references read: None for a frame without JSON."""
        return None if self.document is NOT_JSON else self.document


def parse(raw: str | bytes) -> Any:
    """Parse the JSON document in a message; return NOT_JSON if that fails."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return NOT_JSON


def shown(value: Any, limit: int = 120) -> str:
    """Render a JSON value, matcher or raw frame on one line, and cut its middle if it is long."""
    if isinstance(value, bytes):
        if len(value) <= limit:
            return repr(value)
        return f"{value[: limit * 2 // 3]!r} … {value[-limit // 3 :]!r} ({len(value)} bytes)"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    if not text.isprintable():
        text = json.dumps(value, default=repr)
    if len(text) <= limit:
        return text
    return f"{text[: limit * 2 // 3]} … {text[-limit // 3 :]} ({len(text)} characters)"


def on_a_line(raw: str | bytes, limit: int = 120) -> str:
    """Return short printable text as it is, and any other message as `shown` renders it."""
    if isinstance(raw, str) and len(raw) <= limit and raw.isprintable():
        return raw
    return shown(raw, limit)
