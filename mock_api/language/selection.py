"""Which pattern a request asks for, and which exchange it belongs to.

A daemon under test passes the pattern on in the header `X-Test-Pattern`. A daemon that
cannot do this still passes on the model name and the messages: the pattern may be there.
The mock looks in this order:

  header   X-Test-Pattern: unicode;t=TOKEN
  model    test:unicode;t=TOKEN
  prompt   [[test:unicode;t=TOKEN]] anywhere in the text of the last user message (or in
           `input` or `prompt`, if that is a text)

Each has the form `PATTERN[;t=TOKEN]`. The token is 1 to 64 of A-Z a-z 0-9 _ -. It ties
the request to its exchange and does not change the answer. An empty PATTERN asks for the
ordinary answer. A malformed token is an error: a lost token would mix up two exchanges.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_DIRECTIVE = re.compile(r"\[\[test:(.*?)\]\]", re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Selection(NamedTuple):
    """A pattern string as it was found, taken apart."""

    source: str
    """`header`, `model`, `prompt` or `none`."""
    pattern: str
    """Without the token; empty for the ordinary answer."""
    token: str | None
    fault: str | None = None
    """What is wrong with the string's token, or None."""


ORDINARY = Selection("none", "", None)


def select(
    header: str | None, body: dict[str, Any] | None, conversation: str = "messages"
) -> Selection:
    """Find the pattern string in the header's value, else in the request's JSON.

    conversation: the field with the messages, or with the text.
    """
    if header is not None:
        return _parse("header", header)
    if body is not None:
        model = body.get("model")
        if isinstance(model, str) and model.startswith("test:"):
            return _parse("model", model.removeprefix("test:"))
        given = body.get(conversation)
        text = (
            "" if conversation == "messages" and isinstance(given, str) else last_user_text(given)
        )
        if match := _DIRECTIVE.search(text):
            return _parse("prompt", match[1])
    return ORDINARY


def _parse(source: str, text: str) -> Selection:
    pattern, separator, parameter = text.strip().partition(";")
    if not separator:
        return Selection(source, pattern, None)
    if parameter.startswith("t=") and _TOKEN.fullmatch(parameter, 2):
        return Selection(source, pattern, parameter[2:])
    fault = f"after ';' a pattern has t=TOKEN, 1 to 64 of A-Z a-z 0-9 _ -; found {parameter[:80]!r}"
    return Selection(source, pattern, None, fault)


def last_user_text(messages: Any) -> str:
    """What the user said last: the text itself, or that of the last message of a user."""
    if isinstance(messages, str):
        return messages
    if not isinstance(messages, list):
        return ""
    if messages and all(isinstance(text, str) for text in messages):
        return "\n".join(messages)
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            return _text(message.get("content"))
    return ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))
