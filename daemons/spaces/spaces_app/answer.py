"""A parser for streamed model answers: bytes in, text out. No I/O.

The API sends Server-Sent Events with JSON chunks. APIs that call themselves
OpenAI-compatible differ in many ways. These rules hold for all of them:

- An event without data and a comment have no meaning.
- An answer is complete after `[DONE]`, or after a finish_reason and a clean end.
- An empty finish_reason does not finish an answer.
- An error in any form fails the answer, also if `[DONE]` follows.
- A list of text parts is their text, joined. Content of another type is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

EVENT_BYTES = 1 << 20
"""Upper limit of one event. The parser rejects a larger one instead of storing it."""

DONE = "[DONE]"

_LINE_END = re.compile(rb"\r\n|\r|\n")


class ModelError(Exception):
    """The model's answer is an error, cannot be read, or is incomplete."""


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    kind: str
    """The field `event`. It is `error` if the event has a field `error`."""
    data: str


class Events:
    """A parser for an event stream. Line ends are LF, CR or CRLF, also mixed."""

    def __init__(self) -> None:
        self._line: list[bytes] = []
        self._after_cr = False
        self._kind = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        """Yield the events that these bytes complete. Raises ModelError."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r") or (self._after_cr and not data)
        self._size += len(data)
        *ended, rest = _LINE_END.split(data)
        for end in ended:
            line = b"".join((*self._line, end))
            self._line.clear()
            event = self._take(line.decode(errors="replace"))
            if event is not None:
                yield event
        self._line.append(rest)
        if self._size > EVENT_BYTES:
            raise ModelError(f"the model sent an event of more than {EVENT_BYTES} bytes")

    def _take(self, line: str) -> Event | None:
        if not line:
            event = Event(self._kind, "\n".join(self._data))
            self._kind, self._data, self._size = "", [], 0
            return event if event.kind or event.data else None
        name, _, value = line.removeprefix("\ufeff").partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._kind = value
            case "error":  # llama.cpp reports errors in a field of this name
                self._kind = "error"
                self._data.append(value)
        return None


class Answer:
    """One answer while it arrives."""

    def __init__(self) -> None:
        self._events = Events()
        self.finish_reason = ""
        """Why the model stopped: `stop`, `length` and others. Empty if the API gives no reason."""
        self.ended = False
        """Whether `[DONE]` has arrived. Bytes after it are not part of the answer."""

    def feed(self, data: bytes) -> Iterator[str]:
        """Yield the pieces of text in these bytes. Raises ModelError."""
        for event in self._events.feed(data):
            if self.ended:
                return
            yield from self._take(event)

    def close(self) -> None:
        """Check at the end of the bytes that the answer is complete. Raises ModelError."""
        if not self.ended and not self.finish_reason:
            raise ModelError("the model's answer is incomplete: it has no finish_reason")

    def _take(self, event: Event) -> Iterator[str]:
        data = event.data.strip()
        if event.kind == "error":
            raise ModelError(_reason(_decoded(data), data))
        if not data:
            return
        if data == DONE:
            self.ended = True
            return
        chunk = _decoded(data)
        if not isinstance(chunk, dict):
            raise ModelError(f"expected a JSON object from the model, found {data[:80]!r}")
        if chunk.get("error") not in (None, False, ""):
            raise ModelError(_reason(chunk["error"], data))
        choices = chunk.get("choices")
        if choices is None and any(name in chunk for name in ("message", "detail", "code")):
            raise ModelError(_reason(chunk, data))
        for choice in choices or ():
            yield from self._choice(choice)

    def _choice(self, choice: Any) -> Iterator[str]:
        if not isinstance(choice, dict):
            raise ModelError("expected an object as the model's choice")
        if choice.get("index") not in (0, None):
            return
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            raise ModelError(f"expected an object as delta, found {type(delta).__name__}")
        if text := _text(delta.get("content")):
            yield text
        reason = choice.get("finish_reason")
        if choice.get("error") or reason == "error":
            raise ModelError(_reason(choice.get("error"), "the model reported an error"))
        if isinstance(reason, str) and reason:
            self.finish_reason = reason


def _text(content: Any) -> str:
    match content:
        case None:
            return ""
        case str():
            return content
        case list():
            return "".join(_text_of_part(part) for part in content)
    raise ModelError(f"expected text as content, found {type(content).__name__}")


def _text_of_part(part: Any) -> str:
    match part:
        case str():
            return part
        case {"type": "text", "text": str(text)}:
            return text
    raise ModelError("expected parts of text as content, found another part")


def _decoded(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _reason(error: Any, data: str) -> str:
    """The API's own words, wherever it put them."""
    if isinstance(error, dict):
        error = error.get("error", error)
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail")
    return error if isinstance(error, str) and error else data or "the model reported an error"
