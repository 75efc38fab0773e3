"""`/v1/messages`: Anthropic's events.

A message has blocks: thinking, text, or the use of a tool. A block starts, grows by deltas, stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mock_api.language.answer import Answer, Call, Part, Text, Thought
from mock_api.language.encoders.encoder import Asked, Encoder, typed
from mock_api.language.encoders.responses import runs
from mock_api.language.errors import Fault, anthropic_error
from mock_api.language.openai import PROMPT_TOKENS

ID = "msg_mock"
SIGNATURE = "bW9jaw=="
STOPS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
"""Anthropic's stop_reason for a finish_reason; others stay as they are."""


def _stop(answer: Answer) -> str | None:
    return None if answer.finish is None else STOPS.get(answer.finish, answer.finish)


def _block(parts: tuple[Part, ...], *, full: bool) -> dict[str, Any]:
    """A block of the content; as it starts, or in full."""
    match parts[0]:
        case Call(id, name) as call:
            value = call.value if full else {}
            return {"type": "tool_use", "id": id, "name": name, "input": value}
        case Thought():
            text = "".join(part.text for part in parts if isinstance(part, Thought))
            signed = SIGNATURE if full else ""
            return {"type": "thinking", "thinking": text if full else "", "signature": signed}
        case _:
            text = "".join(part.text for part in parts if isinstance(part, Text))
            return {"type": "text", "text": text if full else ""}


def _message(
    answer: Answer, asked: Asked, content: list[dict[str, Any]], *, full: bool
) -> dict[str, Any]:
    return {
        "id": ID,
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": _stop(answer) if full else None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": PROMPT_TOKENS,
            "output_tokens": answer.tokens if full else 1,
        },
    }


def _deltas(parts: tuple[Part, ...]) -> Iterator[dict[str, Any]]:
    for part in parts:
        match part:
            case Text(text):
                yield {"type": "text_delta", "text": text}
            case Thought(text):
                yield {"type": "thinking_delta", "thinking": text}
            case Call():
                for piece in part.pieces:
                    yield {"type": "input_json_delta", "partial_json": piece}
    if isinstance(parts[0], Thought):
        yield {"type": "signature_delta", "signature": SIGNATURE}


def _values(answer: Answer, asked: Asked) -> Iterator[bytes]:
    yield typed("message_start", message=_message(answer, asked, [], full=False))
    blocks = tuple(runs(answer))
    for index, parts in enumerate(blocks):
        start = _block(parts, full=False)
        yield typed("content_block_start", index=index, content_block=start)
        for delta in _deltas(parts):
            yield typed("content_block_delta", index=index, delta=delta)
        if index < len(blocks) - 1 or answer.finishes:
            yield typed("content_block_stop", index=index)
    if answer.fault is not None:
        fields = anthropic_error(Fault(500, answer.fault))
        yield typed("error", error=fields["error"])
    elif answer.finishes:
        delta = {"stop_reason": _stop(answer), "stop_sequence": None}
        yield typed("message_delta", delta=delta, usage={"output_tokens": answer.tokens})
        yield typed("message_stop")


def events(answer: Answer, asked: Asked) -> tuple[bytes, ...]:
    """The typed events."""
    return tuple(_values(answer, asked))


def whole(answer: Answer, asked: Asked) -> dict[str, Any]:
    """One `message`."""
    content = [_block(parts, full=True) for parts in runs(answer)]
    return _message(answer, asked, content, full=True)


MESSAGES = Encoder(
    "messages", "/v1/messages", events, whole, "messages", anthropic_error, "request-id"
)
