"""The messages in both directions. No I/O.

A client's message is a prompt. If the text is a JSON object, its `prompt` is the
prompt. Any other text is the prompt itself. The original crashes on a `prompt` that
is not a string and on a binary message. Here both get an error, and the connection
stays open.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

CANCEL = "/cancel"

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of the engine."""

    event: str
    content: str = ""
    metadata: Metadata | None = None

    def encode(self) -> str:
        """The message as JSON in ASCII, which can also hold half a surrogate pair."""
        payload = {"content": self.content, "metadata": self.metadata or {}}
        return json.dumps({"event": self.event, "payload": payload})


@dataclass(frozen=True, slots=True)
class Prompt:
    """The text of a client's message."""

    text: str
    framed: bool
    """Whether the message was a JSON object. Only such a message can cancel."""

    @property
    def cancels(self) -> bool:
        """Whether it ends the current answer."""
        return self.framed and self.text == CANCEL


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that is not a prompt, with the reason."""

    reason: str


def parse(data: str | bytes) -> Prompt | Refusal:
    """Parse a message."""
    if isinstance(data, bytes):
        return Refusal("Expected a text message, found a binary one.")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return Prompt(data, framed=False)
    if not isinstance(value, dict):
        return Prompt(data, framed=False)
    prompt = value.get("prompt", "")
    if not isinstance(prompt, str):
        return Refusal(f"Expected a string as 'prompt', found {_name(prompt)}.")
    return Prompt(whole(prompt), framed=True)


def whole(text: str) -> str:
    """Join surrogate pairs. A half without its other half becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def update(content: str, **metadata: Any) -> Frame:
    """A message for the user."""
    return Frame("system_update", content, metadata)


def _name(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", list: "an array"}
    return names.get(type(value), "an object")
