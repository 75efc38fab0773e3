"""What the API's events mean: what the client is sent for each, and how the answer ended.

An answer finished when its `[DONE]` came, or when every choice that was seen
has a finish_reason and the body then ended as its frame says. Everything else
is an answer that failed. In the openai format a chunk is passed on as it came,
byte for byte, so that no field and no digit can change; the simple format
sends the text of choice 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

import rebuild
from events import Event
from log import redacted
from switch import fault

DONE = "[DONE]"
SENT_DONE = b"data: [DONE]\n\n"


class FailedError(Exception):
    """The error that the client receives (R5 before the first byte, R6 after it)."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 502,
        type: str = "upstream_error",  # noqa: A002
        code: Any = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message if fault("key_in_error") else redacted(message)
        self.status = status
        self.type = type
        self.code = code
        self.retry_after = retry_after

    @classmethod
    def told(cls, data: str, *, status: int = 502, retry_after: str | None = None) -> FailedError:
        """What the API's own error object says, as far as there is one in this JSON."""
        value = decode(data, number=int)
        error = value.get("error") if isinstance(value, dict) else None
        if isinstance(error, str):
            error = {"message": error}
        if not isinstance(error, dict):
            error = {}
        message, kind, code = (error.get(name) for name in ("message", "type", "code"))
        return cls(
            message if isinstance(message, str) and message else "the API reported an error",
            status=status,
            type=redacted(kind) if isinstance(kind, str) and kind else "upstream_error",
            code=redacted(code) if isinstance(code, str) else code if type(code) is int else None,
            retry_after=retry_after,
        )


class Answer:
    """One answer, event by event."""

    def __init__(self, *, simple: bool) -> None:
        self.done = False
        """`[DONE]` came: nothing that follows belongs to the answer."""
        self.done_sent = False
        """For a fault: it was passed on like any event."""
        self.stopped = False
        """For a fault: some finish_reason was `stop`."""
        self.failure: FailedError | None = None
        self._simple = simple
        self._choices: dict[Any, bool] = {}
        """The choices that were seen, and whether they finished."""

    @property
    def every_choice_finished(self) -> bool:
        """Whether only `[DONE]` or usage can follow."""
        return bool(self._choices) and all(self._choices.values())

    def take(self, event: Event) -> bytes:
        """What the client is sent for this event, perhaps nothing. Afterwards look at the rest."""
        try:
            return self._take(event)
        except FailedError as failure:
            self.failure = failure
            return b""

    def _take(self, event: Event) -> bytes:
        if event.type == "error":
            self._fail(event.data)
        if event.type != "message" and not fault("named_events_relayed"):
            return b""
        if not event.data and not fault("empty_data_fails"):
            return b""
        if event.data == DONE or (DONE in event.data and fault("done_in_text")):
            if fault("reads_on_after_done"):
                self.done_sent = True
                return SENT_DONE
            self.done = True
            return b""
        if event.data.strip() == DONE and fault("done_as_content"):
            return self._content(DONE)
        value = decode(event.data)
        if not isinstance(value, dict):
            if fault("non_json_skipped"):
                return b""
            raise FailedError("the API sent an event that is no JSON object")
        if _reports_error(value) and not fault("stream_error_ignored"):
            self._fail(event.data)
        for choice in _choices(value):
            index = choice.get("index", "0")
            finished = self._choices.get(index, False)
            reason = choice.get("finish_reason")
            self._choices[index] = finished or bool(reason)
            if reason == "" and fault("empty_finish_finishes"):
                self._choices[index] = True
            if reason == "" and fault("empty_finish_is_the_end"):
                self.done = True
            self.stopped = self.stopped or choice.get("finish_reason") == "stop"
        sent = self._sent(value, event.data)
        if fault("first_finish_is_the_end") and any(self._choices.values()):
            self.done = True
        return sent

    def _fail(self, data: str) -> NoReturn:
        raise FailedError.told(data)

    def _sent(self, value: dict[str, Any], data: str) -> bytes:
        if not self._simple:
            return event_of(rebuild.chunk(data))
        text = text_of(value)
        if fault("content_by_pattern"):
            found = re.search(r'"content": ?"((?:[^"\\]|\\.)*)"', data)
            text = json.loads(f'"{found[1]}"', strict=False) if found else ""
        return self._content(text) if text else b""

    def _content(self, text: str) -> bytes:
        if not self._simple:
            return event_of(json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}))
        if fault("simple_by_hand"):
            quoted = text.replace('"', '\\"')
            return f'data: {{"content":"{quoted}"}}\n\n'.encode(errors="replace")
        return event_of('{"content":' + json.dumps(text, ensure_ascii=False) + "}")


def decode(data: str, *, number: Callable[[str], Any] = str) -> Any:
    """The JSON value, or None for other text. Numbers stay text, except with `number`.

    Control characters within strings pass, as in the parsers of clients.
    """
    try:
        return json.loads(
            data, strict=False, parse_int=number, parse_float=str, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def event_of(data: str) -> bytes:
    """The data as one event; a line end in it becomes a second `data:` line (HTML 9.2.6)."""
    lines = re.split("\r\n|\r|\n", data)
    # Half a surrogate pair has no UTF-8; as an escape it says the same within JSON.
    return (
        b"".join(b"data: %b\n" % line.encode(errors="backslashreplace") for line in lines) + b"\n"
    )


def error_event(failure: FailedError) -> bytes:
    """The event that ends a stream that failed (R6)."""
    return b"data: %b\n\n" % error_body(failure)


def error_body(failure: FailedError) -> bytes:
    """The JSON object of R5 and R6."""
    error = {"message": failure.message, "type": failure.type, "code": failure.code}
    return json.dumps({"error": error}).encode()


def text_of(value: dict[str, Any]) -> str:
    """The text that a chunk adds to choice 0."""
    texts = []
    for choice in _choices(value):
        delta = choice.get("delta")
        content = delta.get("content") if isinstance(delta, dict) else None
        if choice.get("index", "0") == "0" and content is not None:
            texts += _texts(content)
    return "".join(texts)


def _texts(content: Any) -> list[str]:
    """The texts of a delta's content: a text, or a list of text parts."""
    if isinstance(content, str):
        return [content]
    if isinstance(content, list) and fault("content_parts_lost"):
        return []
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts]
    kinds = {part.get("type") for part in parts if isinstance(part, dict)}
    if kinds <= {"text"} and all(isinstance(text, str) for text in texts):
        return [str(text) for text in texts]
    if fault("unknown_content_lost"):
        return []
    raise FailedError("the API sent content that is not a text")


def _reports_error(value: dict[str, Any]) -> bool:
    """Whether a chunk is an error, in any dialect (the contract's R6)."""
    error = value.get("error")
    if error is None:
        if "error" in value and fault("error_null_fails"):
            return True
        named = value.get("object") == "error" or isinstance(value.get("message"), str)
        return named and not value.get("choices") and not fault("error_needs_its_key")
    if "choices" in value and fault("choices_hide_error"):
        return False
    return isinstance(error, dict) or not fault("error_must_be_object")


def _choices(value: dict[str, Any]) -> list[dict[str, Any]]:
    choices = value.get("choices")
    return [each for each in choices if isinstance(each, dict)] if isinstance(choices, list) else []
