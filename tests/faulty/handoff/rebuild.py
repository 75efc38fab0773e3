"""A chunk taken apart and put together again.

The right way is to leave it alone, and that is all the functions here do as
long as no fault is on. Many a gateway decodes each chunk into a structure of
its own and encodes that again; what it did not think of is lost on the way.
"""

from __future__ import annotations

import json
from typing import Any

from switch import fault

_KNOWN = ("id", "object", "created", "model", "choices", "usage")
_KNOWN_CHOICE = ("index", "delta", "finish_reason")
_KNOWN_DELTA = ("role", "content", "tool_calls")


def chunk(data: str) -> str:
    """The JSON of a chunk: `data`, as the API sent it."""
    if not (
        fault("unknown_fields_dropped")
        or fault("every_chunk_finishes")
        or fault("role_means_opening")
        or fault("one_field_a_delta")
        or fault("calls_need_an_index")
    ):
        return data
    value = json.loads(data, strict=False)
    before = json.dumps(value)
    if fault("unknown_fields_dropped"):
        value = _only(value, _KNOWN)
    choices = value.get("choices")
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, dict):
                _choice(choice)
    after = json.dumps(value)
    return data if after == before else after


def _choice(choice: dict[str, Any]) -> None:
    delta = choice.get("delta")
    if isinstance(delta, dict):
        _delta(delta)
    if fault("every_chunk_finishes"):
        choice["finish_reason"] = choice.get("finish_reason") or "stop"
    if fault("unknown_fields_dropped"):
        for name in set(choice) - set(_KNOWN_CHOICE):
            del choice[name]


def _delta(delta: dict[str, Any]) -> None:
    if fault("unknown_fields_dropped"):
        for name in set(delta) - set(_KNOWN_DELTA):
            del delta[name]
    others = {"reasoning_content", "tool_calls"} & set(delta)
    if ("role" in delta and fault("role_means_opening")) or (others and fault("one_field_a_delta")):
        delta.pop("content", None)
    calls = delta.get("tool_calls")
    if isinstance(calls, list) and fault("calls_need_an_index"):
        delta["tool_calls"] = [call for call in calls if "index" in call]


def _only(value: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name in names}
