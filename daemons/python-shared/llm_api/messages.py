"""The check of a chat's messages before they are sent to the API. No I/O."""

from __future__ import annotations

from typing import Any

from llm_api.exact_json import is_text


def check_messages(messages: Any) -> None:
    """Check the types of messages. Raises ValueError, which begins with the place.

    messages: decoded by `exact_json`.
    """
    if not isinstance(messages, list) or not messages:
        raise ValueError("messages: expected a list of messages, at least one")
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            raise ValueError(f"{where}: expected an object with role and content")
        if not is_text(message.get("role")):
            raise ValueError(f"{where}.role: expected a string")
        content = message.get("content")
        if content is None and message["role"] == "assistant":
            continue  # a message that only calls tools
        if isinstance(content, list) and all(isinstance(part, dict) for part in content):
            continue
        if not is_text(content):
            raise ValueError(f"{where}.content: expected a string or a list of parts")
