"""The API's answer: its bytes become whole events for the client. No I/O.

An Answer takes the body of the API's response and returns the bytes to send to
the client. `outcome` is the end: DONE, or the Failure that the API reported or
that the stream amounts to.

An answer has finished at `[DONE]`, or at a clean end of the body when every
choice that was seen has its finish_reason. Any other end is a truncation. An
error in any dialect fails the answer, also if `[DONE]` follows.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from llm_api import exact_json
from llm_api.api_error import api_error, is_error
from llm_api.events import MAX_EVENT, Event, EventParser
from llm_api.exact_json import is_text
from llm_api.failure import Failure
from llm_api.redaction import Redact


class Finished(Enum):
    """The one good outcome."""

    DONE = "done"


class Chunk(NamedTuple):
    """One piece of the answer."""

    raw: bytes
    """The event's data as the API wrote it; invalid UTF-8 is replaced."""
    value: dict[str, Any]
    """The data decoded by `exact_json`."""
    text: str
    """The text of choice 0; empty if the chunk does not have one."""


Render = Callable[[Chunk], bytes]
"""Writes a chunk as the client receives it; empty bytes for nothing."""


class Answer:
    """One answer of the API, from its first body byte to its outcome."""

    def __init__(self, render: Render, redact: Redact) -> None:
        self.outcome: Finished | Failure | None = None
        self.events = 0
        """Events so far, without comments and empty data."""
        self._render = render
        self._redact = redact
        self._parser = EventParser()
        self._seen: set[str] = set()  # choices, by index
        self._open: set[str] = set()  # those without a finish_reason yet

    @property
    def all_finished(self) -> bool:
        """Every choice seen has its finish_reason: only `[DONE]` is missing."""
        return bool(self._seen) and not self._open

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the body; return the bytes to send to the client now."""
        events = self._parser.feed(data)
        if not events and not self._parser.overflow:
            return b""
        out = []
        for event in events:
            piece = self._take(event)
            if piece:
                out.append(piece)
            if self.outcome is not None:
                return b"".join(out)
        if self._parser.overflow:
            self.outcome = Failure(
                f"the API sent an event of more than {MAX_EVENT} bytes", code="event_too_large"
            )
        return b"".join(out)

    def end(self) -> bytes:
        """The body ended cleanly; return the last bytes to send. The outcome is then set."""
        event = self._parser.finish()
        out = self._take(event) if event is not None else b""
        if self.outcome is None:
            self.outcome = (
                Finished.DONE
                if self.all_finished
                else Failure("the API ended its stream unfinished", code="upstream_truncated")
            )
        return out

    def _take(self, event: Event) -> bytes:
        if event.error is not None or event.type == b"error":
            self._fail_with(event.data if event.error is None else event.error)
            return b""
        data = event.data.strip()
        if not data:
            return b""
        self.events += 1
        if data == b"[DONE]" and event.type in (b"", b"message"):
            self.outcome = Finished.DONE
            return b""
        text, raw = _text(event.data)
        try:
            value = exact_json.decode(text)
        except (ValueError, RecursionError):
            value = None
        if event.type not in (b"", b"message") and (
            not isinstance(value, dict) or "choices" not in value
        ):
            return b""  # a `ping` or the like; an API that names its chunks still sends chunks
        if not isinstance(value, dict):
            self.outcome = Failure(
                "the API sent an event that is not a JSON object", code="upstream_bad_event"
            )
        elif is_error(value):
            self.outcome = api_error(value, self._redact)
        else:
            return self._take_chunk(raw, value)
        return b""

    def _take_chunk(self, raw: bytes, value: dict[str, Any]) -> bytes:
        try:
            chunk = Chunk(raw, value, self._look_at(value.get("choices")))
        except ContentError as error:
            self.outcome = Failure(str(error), code="upstream_bad_event")
            return b""
        return self._render(chunk)

    def _fail_with(self, data: bytes) -> None:
        self.events += 1
        text, _ = _text(data)
        self.outcome = api_error(exact_json.decode_or_none(data), self._redact, text.strip())

    def _look_at(self, choices: Any) -> str:
        """Note which choices are seen and finished; return the text of choice 0."""
        text = ""
        if not isinstance(choices, list):
            return text
        for choice in choices:
            if not isinstance(choice, dict):
                continue
            index = str(choice.get("index") or "0")
            if index not in self._seen:
                self._seen.add(index)
                self._open.add(index)
            reason = choice.get("finish_reason")
            if reason and is_text(reason):
                self._open.discard(index)
            delta = choice.get("delta")
            content = delta.get("content") if isinstance(delta, dict) else None
            if content is not None:
                piece = content if is_text(content) else _parts(content)
                if index == "0":
                    text += piece
        return text


class ContentError(ValueError):
    """The content of a delta is of a kind that has no text."""


def _parts(content: Any) -> str:
    """The text of a list of parts, joined. Mistral and GLM send such lists."""
    if not isinstance(content, list):
        raise ContentError("the API sent a delta whose content is not a text")
    pieces = []
    for part in content:
        if is_text(part):
            pieces.append(part)
        elif not isinstance(part, dict):
            raise ContentError("the API sent a delta with a content part that is not a text")
        elif part.get("type", "text") == "text" and is_text(part.get("text")):
            pieces.append(part["text"])
        elif part.get("type") != "thinking":
            # Thinking is what other APIs send as reasoning_content, next to the content.
            raise ContentError("the API sent a delta with a content part that is not a text")
    return "".join(pieces)


def _text(data: bytes) -> tuple[str, bytes]:
    """The data decoded, and its bytes: the same unless they were invalid UTF-8."""
    try:
        return data.decode(), data
    except UnicodeDecodeError:
        text = data.decode(errors="replace")
        return text, text.encode()
