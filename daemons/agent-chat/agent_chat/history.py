"""A conversation's messages: how the graph stores them, and how the API receives them.

The state stores messages in the API's form and adds the `agent` that wrote one. A turn
can end early: the client disconnects, the model fails, an approval expires. Such a turn
leaves a call without a result. The API refuses a request with such a call, so
`for_model` leaves these calls out.
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
    """A call of a tool that the model requests."""

    id: str
    tool: str
    arguments: dict[str, Any]


def user(content: str) -> Message:
    """The customer's message with its text unchanged."""
    return {"role": "user", "content": content}


def answer(agent: str, text: str) -> Message:
    """An agent's message."""
    return {"role": "assistant", "content": text, "agent": agent}


def calling(agent: str, text: str, calls: Iterable[Call]) -> Message:
    """An agent's message with calls of tools. Their arguments stay objects in the state."""
    wanted = [{"id": call.id, "tool": call.tool, "arguments": call.arguments} for call in calls]
    return answer(agent, text) | {"calls": wanted}


def result(call: Call, content: str) -> Message:
    """The result of a call."""
    return {"role": "tool", "tool_call_id": call.id, "content": content}


def open_calls(messages: Sequence[Message]) -> list[Call]:
    """The calls of the last message with calls that have no result, in order."""
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
    """The messages for the API: in its form and without calls that have no result."""
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
