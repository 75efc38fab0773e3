"""What goes over the socket. No I/O.

A client's message is a prompt: the `prompt` of a JSON object, or, where the text
is no JSON object, the text itself. The original crashed on a prompt of another
type and on binary messages; here both are refused, and the connection lives.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

CANCEL = "/cancel"

Metadata = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of the engine's."""

    event: str
    content: str = ""
    metadata: Metadata | None = None

    def encode(self) -> str:
        """As JSON, ASCII only: half a surrogate pair goes through unharmed."""
        payload = {"content": self.content, "metadata": self.metadata or {}}
        return json.dumps({"event": self.event, "payload": payload})


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a client said."""

    text: str
    framed: bool
    """Whether it came in a JSON object; only such a one can cancel."""

    @property
    def cancels(self) -> bool:
        """Whether it ends the answer that is under way."""
        return self.framed and self.text == CANCEL


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message is none."""

    reason: str


def parse(data: str | bytes) -> Prompt | Refusal:
    """What a message says."""
    if isinstance(data, bytes):
        return Refusal("Messages are text; this one is binary.")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return Prompt(data, framed=False)
    if not isinstance(value, dict):
        return Prompt(data, framed=False)
    prompt = value.get("prompt", "")
    if not isinstance(prompt, str):
        return Refusal(f"'prompt' is a string; this one is {_name(prompt)}.")
    return Prompt(whole(prompt), framed=True)


def whole(text: str) -> str:
    """The text with surrogate pairs joined; a half without its other half becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def update(content: str, **metadata: Any) -> Frame:
    """Something to tell the user."""
    return Frame("system_update", content, metadata)


def _name(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", list: "an array"}
    return names.get(type(value), "an object")
