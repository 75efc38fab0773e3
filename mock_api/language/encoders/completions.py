"""`/v1/completions`: text without roles, calls and thoughts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mock_api.language import openai
from mock_api.language.answer import Answer, Text
from mock_api.language.encoders.encoder import Asked, Encoder
from mock_api.language.errors import Fault, openai_error

ID = "cmpl-mock"


def _object(asked: Asked, choices: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    head = {"id": ID, "object": "text_completion", "created": openai.CREATED}
    return {**head, "model": asked.model, "choices": choices, **fields}


def _choice(text: str, finish: str | None = None, index: int = 0) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _values(answer: Answer, asked: Asked) -> Iterator[dict[str, Any]]:
    shared = {"usage": None} if asked.usage else {}
    for part in answer.parts:
        if isinstance(part, Text):
            yield _object(asked, [_choice(part.text, index=part.choice)], **shared)
    if answer.fault is not None:
        yield openai_error(Fault(500, answer.fault, "server_error", "server_error"))
    for index, finish in enumerate(answer.finishes):
        yield _object(asked, [_choice("", finish, index)], **shared)
    if answer.finishes and (asked.usage or answer.usage):
        yield _object(asked, [], usage=openai.usage(answer.tokens))


def events(answer: Answer, asked: Asked) -> tuple[bytes, ...]:
    """The chunks, and `[DONE]` after a finish_reason."""
    done = (openai.DONE,) if answer.finishes else ()
    return (*map(openai.event, _values(answer, asked)), *done)


def whole(answer: Answer, asked: Asked) -> dict[str, Any]:
    """One `text_completion`."""
    finishes = answer.finishes or (None,)
    choices = [_choice(answer.text(at), finish, at) for at, finish in enumerate(finishes)]
    return _object(asked, choices, usage=openai.usage(answer.tokens))


COMPLETIONS = Encoder("completions", "/v1/completions", events, whole, "prompt")
