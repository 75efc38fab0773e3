"""The API's answer: what its bytes mean to the client. No I/O.

An Answer is fed the body of the API's response and returns what the client is
to be sent for it, whole events only. `outcome` says how it ended: DONE, or the
Failure that the API reported or amounts to.

It finished if it said `[DONE]`, or if the body ended cleanly and every choice
that was seen has its finish_reason. Anything else that ends is a truncation.
In format `simple` the client gets the text of choice 0; in `openai` every
chunk object as the API wrote it, byte for byte, which keeps numbers and escapes
that no decoder would.
"""

from __future__ import annotations

import json
from enum import Enum, StrEnum
from typing import Any, NoReturn

from streaming_daemon import wire
from streaming_daemon.events import MAX_EVENT, Event, EventParser
from streaming_daemon.failure import Failure
from streaming_daemon.redaction import Redact


class Format(StrEnum):
    """What a client is sent for a chunk."""

    SIMPLE = "simple"
    OPENAI = "openai"


class Finished(Enum):
    """The one good outcome."""

    DONE = "done"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


class _Number(str):
    """A number's digits: nothing is computed with it, and so it can be of any size."""

    __slots__ = ()


_decode = json.JSONDecoder(
    parse_int=_Number,
    parse_float=_Number,
    parse_constant=_refuse,
).decode


class Answer:
    """One answer of the API, from its first body byte to its outcome."""

    def __init__(self, form: Format, redact: Redact) -> None:
        self.outcome: Finished | Failure | None = None
        self.events = 0
        """Events seen; comments are none."""
        self._simple = form is Format.SIMPLE
        self._redact = redact
        self._parser = EventParser()
        self._seen: set[str] = set()  # choices, by index
        self._open: set[str] = set()  # those without a finish_reason yet

    @property
    def all_finished(self) -> bool:
        """Every choice seen has its finish_reason: only `[DONE]` is missing."""
        return bool(self._seen) and not self._open

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of the body; return what the client is to be sent now."""
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
        """The body ended cleanly; return the last to send. Now there is an outcome."""
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
        data = event.data.strip()
        if not data:
            return b""
        self.events += 1
        if data == b"[DONE]" and event.type in (b"", b"message"):
            self.outcome = Finished.DONE
            return b""
        text, raw = _text(event.data)
        try:
            chunk = _decode(text)
        except (ValueError, RecursionError):
            chunk = None
        if event.type and event.type not in (b"message", b"error"):
            # A `ping` or the like. Whoever names the events of chunks still means chunks.
            if not isinstance(chunk, dict) or "choices" not in chunk:
                return b""
        elif event.type == b"error":
            self.outcome = api_error(chunk, self._redact, text)
            return b""
        elif not isinstance(chunk, dict):
            self.outcome = Failure(
                "the API sent an event that is no JSON object", code="upstream_bad_event"
            )
            return b""
        if chunk.get("error") not in (None, False, ""):
            self.outcome = api_error(chunk, self._redact)
            return b""
        content = self._look_at(chunk.get("choices"))
        if self._simple:
            return wire.text_event(content) if content else b""
        return wire.raw_event(raw)

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
            if choice.get("finish_reason"):
                self._open.discard(index)
            if index == "0":
                delta = choice.get("delta")
                content = delta.get("content") if isinstance(delta, dict) else None
                if type(content) is str:  # and no _Number
                    text += content
        return text


def api_error(value: Any, redact: Redact, text: str = "", **how: Any) -> Failure:
    """The failure that the API described, its message, type and code kept.

    value: `{"error": …}` decoded, the error object alone, or anything else,
    for which the text stands. how: passed on to the Failure.
    """
    error = value.get("error", value) if isinstance(value, dict) else value
    if type(error) is str:
        error = {"message": error}
    if not isinstance(error, dict):
        error = {"message": text}
    message, kind, code = error.get("message"), error.get("type"), error.get("code")
    if type(message) is not str or not message:
        message = text or "the API reported an error"
    return Failure(
        redact(message),
        type=redact(kind) if type(kind) is str else None,
        code=_code(code, redact) or "upstream_error",
        **how,
    )


def decode_error(body: bytes) -> Any:
    """The body of an error response, decoded, or None where it is no JSON."""
    try:
        return _decode(body.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None


def _code(code: Any, redact: Redact) -> str | int | None:
    if isinstance(code, _Number):
        return int(code) if code.isdigit() and len(code) < 10 else str(code)
    return redact(code) if isinstance(code, str) else None


def _text(data: bytes) -> tuple[str, bytes]:
    """The data decoded, and its bytes: the same unless they were no UTF-8."""
    try:
        return data.decode(), data
    except UnicodeDecodeError:
        text = data.decode(errors="replace")
        return text, text.encode()
