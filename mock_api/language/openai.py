"""The objects of the OpenAI API, as compact JSON with its Unicode unescaped.

Identity and time are constants: a pattern is the same bytes in every run. So it is computed
once, and tests compare it byte for byte.
"""

from __future__ import annotations

import json
from typing import Any

from mock_api.language.script import Framing, Script
from mock_api.language.steps import Write

ID = "chatcmpl-mock"
MODEL = "mock"
CREATED = 1_700_000_000
PROMPT_TOKENS = 9
DONE = b"data: [DONE]\n\n"


def compact(value: Any) -> bytes:
    """JSON without white space, characters as themselves (lone surrogates escaped)."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def event(value: Any) -> bytes:
    """The value as one server-sent event."""
    return b"data: " + compact(value) + b"\n\n"


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """One `chat.completion.chunk` with one choice."""
    return {
        "id": ID,
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }


def usage(tokens: int) -> dict[str, int]:
    """What the answer cost; the prompt always counts the same."""
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": tokens,
        "total_tokens": PROMPT_TOKENS + tokens,
    }


def model(name: str) -> dict[str, Any]:
    """One of `/v1/models`."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "mock_api"}


def answer(status: int, value: Any, *headers: tuple[str, str]) -> Script:
    """The script that answers with one JSON value."""
    return Script(
        status=status,
        headers=(("content-type", "application/json"), *headers),
        steps=(Write(compact(value)),),
        framing=Framing.LENGTH,
    )
