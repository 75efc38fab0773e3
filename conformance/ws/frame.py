"""A Frame: one message that the server sent, with its time and its document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

from conformance.core.quoting import excerpt


class NotJson(Enum):
    """The document of a frame that holds no JSON: null is a document, too."""

    NOT_JSON = "not JSON"


NOT_JSON = NotJson.NOT_JSON


@dataclass(frozen=True, slots=True)
class Frame:
    """One received message, whole; `number` counts from 1."""

    number: int
    at: float
    """When it was read, in seconds on the monotonic clock."""
    raw: str | bytes
    """Text or binary, as it arrived."""
    document: Any
    """The JSON in it, in binary messages too, or NOT_JSON."""


def parse(raw: str | bytes) -> Any:
    """The JSON document in a message, or NOT_JSON."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return NOT_JSON


def shown(value: Any, limit: int = 120) -> str:
    """A JSON value, matcher or raw frame on one line, its middle left out where it is long."""
    if isinstance(value, bytes):
        return excerpt(value, limit)
    text = json.dumps(value, ensure_ascii=False, default=repr)
    if len(text) <= limit:
        # Control characters are escaped by JSON; what else a terminal must not see is not.
        return text if text.isprintable() else json.dumps(value, default=repr)
    return f"{text[: limit * 2 // 3]} … {text[-limit // 3 :]} ({len(text)} characters)"
