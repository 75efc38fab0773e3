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


def completion(content: str, finish_reason: str | None, tokens: int) -> dict[str, Any]:
    """The answer to a request with `stream: false`; each delta counts as a token."""
    message = {"role": "assistant", "content": content}
    return {
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 0, "completion_tokens": tokens, "total_tokens": tokens},
    }


def error(message: str, *, code: str, kind: str = "invalid_request_error") -> dict[str, Any]:
    """An error in the API's form."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def models() -> dict[str, Any]:
    """The answer of `/v1/models`."""
    model = {"id": MODEL, "object": "model", "created": CREATED, "owned_by": "mock_api"}
    return {"object": "list", "data": [model]}


def answer(status: int, value: Any) -> Script:
    """The script that answers with one JSON value."""
    return Script(
        status=status,
        headers=(("content-type", "application/json"),),
        steps=(Write(compact(value)),),
        framing=Framing.LENGTH,
    )
