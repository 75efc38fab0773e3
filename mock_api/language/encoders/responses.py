"""`/v1/responses`: typed events, each with its sequence number.

Thoughts, text and calls are items of the output, in the order in which the answer has them. An
item is added, its parts grow by deltas, and it is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from mock_api.language import openai
from mock_api.language.answer import Answer, Call, Chunk, Part, Text, Thought
from mock_api.language.encoders.encoder import Asked, Encoder, typed

ID = "resp_mock"


def runs(answer: Answer) -> Iterator[tuple[Part, ...]]:
    """The parts of each item: neighbours of a kind, of choice 0; a call is alone."""
    kept = [
        part
        for part in answer.parts
        if not isinstance(part, Chunk) and not (isinstance(part, Text) and part.choice)
    ]
    for kind, group in groupby(kept, type):
        parts: tuple[Part, ...] = tuple(group)
        yield from ((part,) for part in parts) if kind is Call else [parts]


def _text(parts: tuple[Part, ...]) -> str:
    return "".join(part.text for part in parts if isinstance(part, (Text, Thought)))


def _item(index: int, parts: tuple[Part, ...], status: str) -> dict[str, Any]:
    """An item of the output; in progress it has no content yet."""
    done = status != "in_progress"
    match parts[0]:
        case Call(id, name) as call:
            return {
                "type": "function_call",
                "id": f"fc_mock_{index}",
                "call_id": id,
                "name": name,
                "arguments": call.arguments if done else "",
                "status": status,
            }
        case Thought():
            summary = [{"type": "summary_text", "text": _text(parts)}] if done else []
            return {"type": "reasoning", "id": f"rs_mock_{index}", "summary": summary}
        case _:
            return {
                "type": "message",
                "id": f"msg_mock_{index}",
                "status": status,
                "role": "assistant",
                "content": [_output_text(_text(parts))] if done else [],
            }


def _output_text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _status(answer: Answer) -> tuple[str, dict[str, str] | None]:
    """The status of the response, and why it is incomplete."""
    if answer.finish is None:
        return "in_progress", None
    if answer.finish in ("stop", "tool_calls"):
        return "completed", None
    reason = "max_output_tokens" if answer.finish == "length" else answer.finish
    return "incomplete", {"reason": reason}


def _response(
    answer: Answer, asked: Asked, status: str, *, ended: bool, error: Any = None
) -> dict[str, Any]:
    finished = "completed" if status == "in_progress" else status
    items = enumerate(runs(answer)) if ended else ()
    tokens = answer.tokens
    return {
        "id": ID,
        "object": "response",
        "created_at": openai.CREATED,
        "status": status,
        "error": error,
        "incomplete_details": _status(answer)[1] if ended else None,
        "instructions": None,
        "max_output_tokens": None,
        "model": asked.model,
        "output": [_item(index, parts, finished) for index, parts in items],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": openai.PROMPT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": tokens,
            "output_tokens_details": {"reasoning_tokens": len(answer.thoughts)},
            "total_tokens": openai.PROMPT_TOKENS + tokens,
        }
        if ended
        else None,
        "metadata": {},
    }


Typed = tuple[str, dict[str, Any]]


def _values(answer: Answer, asked: Asked) -> Iterator[Typed]:
    begun = _response(answer, asked, "in_progress", ended=False)
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    items = tuple(runs(answer))
    status, _ = _status(answer)
    for index, parts in enumerate(items):
        open_ended = index == len(items) - 1 and answer.finish is None
        yield from _item_events(index, parts, status, open_ended=open_ended)
    if answer.fault is not None:
        fault = {"code": "server_error", "message": answer.fault}
        failed = _response(answer, asked, "failed", ended=True, error=fault)
        yield "response.failed", {"response": failed}
    elif answer.finish is not None:
        yield f"response.{status}", {"response": _response(answer, asked, status, ended=True)}


def _item_events(
    index: int, parts: tuple[Part, ...], status: str, *, open_ended: bool
) -> Iterator[Typed]:
    """The events of one item. An answer that ends without an end leaves its last item open."""
    item = _item(index, parts, "in_progress")
    place = {"item_id": item["id"], "output_index": index}
    yield "response.output_item.added", {"output_index": index, "item": item}
    inner = _call(place, parts[0]) if isinstance(parts[0], Call) else _said(place, parts)
    for kind, fields in inner:
        if open_ended and not kind.endswith((".delta", ".added")):
            return
        yield kind, fields
    yield "response.output_item.done", {"output_index": index, "item": _item(index, parts, status)}


def _call(place: dict[str, Any], call: Call) -> Iterator[Typed]:
    for piece in call.pieces:
        yield "response.function_call_arguments.delta", {**place, "delta": piece}
    done = {**place, "name": call.name, "arguments": call.arguments}
    yield "response.function_call_arguments.done", done


def _said(place: dict[str, Any], parts: tuple[Part, ...]) -> Iterator[Typed]:
    text = _text(parts)
    more: dict[str, Any]
    if isinstance(parts[0], Thought):
        place = {**place, "summary_index": 0}
        kind, part, more = "reasoning_summary_text", "reasoning_summary_part", {}
        whole: dict[str, Any] = {"type": "summary_text", "text": text}
    else:
        place = {**place, "content_index": 0}
        kind, part, more = "output_text", "content_part", {"logprobs": []}
        whole = _output_text(text)
    yield f"response.{part}.added", {**place, "part": {**whole, "text": ""}}
    for each in parts:
        if isinstance(each, (Text, Thought)):
            yield f"response.{kind}.delta", {**place, "delta": each.text, **more}
    yield f"response.{kind}.done", {**place, "text": text, **more}
    yield f"response.{part}.done", {**place, "part": whole}


def events(answer: Answer, asked: Asked) -> tuple[bytes, ...]:
    """The typed events."""
    return tuple(
        typed(kind, sequence_number=number, **fields)
        for number, (kind, fields) in enumerate(_values(answer, asked))
    )


def whole(answer: Answer, asked: Asked) -> dict[str, Any]:
    """One `response`."""
    return _response(answer, asked, _status(answer)[0], ended=True)


RESPONSES = Encoder("responses", "/v1/responses", events, whole, "input")
