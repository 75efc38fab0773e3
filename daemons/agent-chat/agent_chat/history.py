"""A conversation's messages, in the model API's own form, and what the model is sent of them.

The graph's state keeps messages as the API writes them, plus `agent`, who said
it. A turn can end half-way: the client left, the model failed, an approval
expired. What such a turn leaves behind is a call without its result, which the
API refuses; so calls that were never completed are left out when it is asked.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model asks for."""

    id: str
    tool: str
    arguments: dict[str, Any]


def user(content: str) -> Message:
    """What the customer said, unaltered."""
    return {"role": "user", "content": content}


def said(agent: str, text: str) -> Message:
    """What an agent said."""
    return {"role": "assistant", "content": text, "agent": agent}


def asked(agent: str, text: str, calls: Iterable[Call]) -> Message:
    """That an agent asks for tools; arguments stay objects until the API is told."""
    wanted = [{"id": call.id, "tool": call.tool, "arguments": call.arguments} for call in calls]
    return said(agent, text) | {"calls": wanted}


def result(call: Call, content: str) -> Message:
    """What came of a call."""
    return {"role": "tool", "tool_call_id": call.id, "content": content}


def open_calls(messages: Sequence[Message]) -> list[Call]:
    """The calls of the last message with calls that have no result yet, in order."""
    done = set()
    for message in reversed(messages):
        if message["role"] == "tool":
            done.add(message["tool_call_id"])
        elif calls := message.get("calls"):
            return [Call(**call) for call in calls if call["id"] not in done]
        else:
            break
    return []


def for_model(messages: Sequence[Message]) -> list[Message]:
    """What the API is sent: its own form, without calls that were never completed."""
    sent: list[Message] = []
    for position, message in enumerate(messages):
        if message["role"] == "user":
            sent.append(message)
        elif message["role"] == "assistant":
            results = _results_after(messages, position)
            calls = [call for call in message.get("calls", ()) if call["id"] in results]
            if calls or message["content"]:
                sent.append(_assistant(message["content"], calls))
            sent.extend(results[call["id"]] for call in calls)
    return sent


def _results_after(messages: Sequence[Message], position: int) -> dict[str, Message]:
    after = messages[position + 1 :]
    results = itertools.takewhile(lambda message: message["role"] == "tool", after)
    return {message["tool_call_id"]: message for message in results}


def _assistant(text: str, calls: Iterable[dict[str, Any]]) -> Message:
    message: Message = {"role": "assistant", "content": text}
    wanted = [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["tool"], "arguments": json.dumps(call["arguments"])},
        }
        for call in calls
    ]
    return message | {"tool_calls": wanted} if wanted else message
