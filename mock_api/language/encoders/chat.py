"""`/v1/chat/completions`: chunks, and `[DONE]`.

The first delta of each choice carries the role next to its content, so counts of deltas are
counts of content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mock_api.language import openai
from mock_api.language.answer import Answer, Call, Chunk, Text, Thought
from mock_api.language.encoders.encoder import Asked, Encoder
from mock_api.language.errors import Fault, openai_error


def _chunks(answer: Answer, asked: Asked) -> Iterator[dict[str, Any]]:
    shared: dict[str, Any] = {"usage": None} if asked.usage else {}
    begun: set[int] = set()

    def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0) -> dict[str, Any]:
        role = {} if index in begun or finish else {"role": "assistant"}
        begun.add(index)
        choice = {"index": index, "delta": {**role, **delta}, "finish_reason": finish}
        return {**openai.chunk({}), "model": asked.model, "choices": [choice], **shared}

    called = 0
    for part in answer.parts:
        match part:
            case Text(text, index):
                yield {**chunk({"content": text}, index=index), **answer.fields}
            case Thought(text):
                yield chunk({"reasoning_content": text})
            case Call():
                for delta in _call(part, called):
                    yield chunk({"tool_calls": [delta]})
                called += 1
            case Chunk(value):
                yield {**value, "model": asked.model} if "model" in value else dict(value)
    if answer.fault is not None:
        yield openai_error(Fault(500, answer.fault, "server_error", "server_error"))
    for index, finish in enumerate(answer.finishes):
        yield chunk({}, finish, index)
    if answer.finishes and (asked.usage or answer.usage):
        usage = openai.usage(answer.tokens)
        yield {**openai.chunk({}), "model": asked.model, "choices": [], "usage": usage}


def _call(call: Call, index: int) -> Iterator[dict[str, Any]]:
    function = {"name": call.name, "arguments": ""}
    yield {"index": index, "id": call.id, "type": "function", "function": function}
    for piece in call.pieces:
        yield {"index": index, "function": {"arguments": piece}}


def events(answer: Answer, asked: Asked) -> tuple[bytes, ...]:
    """The chunks, and `[DONE]` after a finish_reason."""
    done = (openai.DONE,) if answer.finishes else ()
    return (*map(openai.event, _chunks(answer, asked)), *done)


def whole(answer: Answer, asked: Asked) -> dict[str, Any]:
    """One `chat.completion`."""
    choices = []
    for index, finish in enumerate(answer.finishes or (None,)):
        text = answer.text(index)
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if not index and answer.thoughts:
            message["reasoning_content"] = "".join(answer.thoughts)
        if not index and answer.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in answer.calls
            ]
        elif not text:
            message["content"] = ""
        choices.append({"index": index, "message": message, "finish_reason": finish})
    return {
        "id": openai.ID,
        "object": "chat.completion",
        "created": openai.CREATED,
        "model": asked.model,
        "choices": choices,
        **answer.fields,
        "usage": openai.usage(answer.tokens),
    }


CHAT = Encoder("chat completions", "/v1/chat/completions", events, whole, "messages")
