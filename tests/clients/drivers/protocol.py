"""What each driver in Python does: cases on stdin, and what its client reports on stdout.

A case is a line of JSON: url, key, model (which names the pattern), stream. The answer is a line
with the text, the calls, the finish reason, the completion tokens, and the kind of the error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

KINDS = {
    "RateLimitError": "rate limit",
    "AuthenticationError": "authentication",
    "InternalServerError": "server error",
    "ServiceUnavailableError": "server error",
    "APIStatusError": "failed",
    "APIError": "failed",
    "APIResponseValidationError": "malformed",
    "APIConnectionError": "cut off",
    "MidStreamFallbackError": "failed",
    "RemoteProtocolError": "cut off",
    "ReadError": "cut off",
    "ClientPayloadError": "cut off",
    "JSONDecodeError": "malformed",
}
"""The kind of an error, by the name of the client's class."""

STATUSES = {401: "authentication", 429: "rate limit", 500: "server error"}

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}

MESSAGES = [{"role": "user", "content": "Hello"}]


class Seen:
    """What the client reported so far."""

    def __init__(self) -> None:
        self.text = ""
        self.finish: str | None = None
        self.tokens: int | None = None
        self.error: str | None = None
        self._calls: dict[Any, list[str]] = {}

    def say(self, text: str | list[dict[str, Any]] | None) -> None:
        """A piece of the text, or its parts."""
        if isinstance(text, list):
            text = "".join(part.get("text", "") for part in text)
        self.text += text or ""

    def call(self, index: Any, name: str | None, arguments: str | None) -> None:
        """A piece of a call."""
        call = self._calls.setdefault(index, ["", ""])
        call[0] += name or ""
        call[1] += arguments or ""

    def end(self, finish: str | None) -> None:
        """The finish reason, where there is one."""
        self.finish = finish or self.finish

    def chunk(self, value: dict[str, Any]) -> None:
        """A chunk of chat completions as JSON, for clients that only read events."""
        if "error" in value:
            self.error = "failed"
        for choice in value.get("choices") or ():
            if choice.get("index", 0):
                continue
            delta = choice.get("delta") or choice.get("message") or {}
            self.say(delta.get("content"))
            for index, call in enumerate(delta.get("tool_calls") or ()):
                function = call.get("function") or {}
                place = call.get("index", index)
                self.call(place, function.get("name"), function.get("arguments"))
            self.end(choice.get("finish_reason"))
        if value.get("usage"):
            self.tokens = value["usage"]["completion_tokens"]

    def data(self, texts: Iterable[str]) -> None:
        """The data of events, up to `[DONE]`."""
        for text in texts:
            if text == "[DONE]":
                return
            self.chunk(json.loads(text))

    def as_json(self) -> str:
        """One line."""
        calls = [call for _, call in sorted(self._calls.items(), key=lambda pair: str(pair[0]))]
        return json.dumps({**vars(self), "calls": calls, "_calls": None})


def request(case: dict[str, Any]) -> dict[str, Any]:
    """The fields of the case's request to chat completions."""
    fields = {"model": case["model"], "messages": MESSAGES, "tools": [TOOL]}
    if case["stream"]:
        fields |= {"stream": True, "stream_options": {"include_usage": True}}
    return fields


def serve(ask: Callable[[dict[str, Any], Seen], None]) -> None:
    """Answer each case."""
    for line in sys.stdin:
        seen = Seen()
        try:
            ask(json.loads(line), seen)
        except Exception as error:  # noqa: BLE001, RUF100  # each is what the client reports
            names = [kind.__name__ for kind in type(error).__mro__]
            kind = next((KINDS[name] for name in names if name in KINDS), names[0])
            seen.error = kind
        sys.stdout.write(f"{seen.as_json()}\n")
        sys.stdout.flush()
