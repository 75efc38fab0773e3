"""Checks of a conversation: roles, contents, and calls followed by their results.

An API refuses a history in which a call has no result, or a result no call. This is the most
reported failure of agents: the conversation is then dead.
"""

from __future__ import annotations

from typing import Any

from mock_api.language.strict.values import (
    InvalidError,
    anything,
    array,
    fields,
    mapping,
    one_of,
    string,
    text_or_array,
    wrong_type,
)

CHAT_ROLES = ("system", "developer", "user", "assistant", "tool", "function")

_MESSAGE = {
    "role": one_of(*CHAT_ROLES),
    "content": text_or_array,
    "name": string,
    "refusal": string,
    "tool_calls": array,
    "tool_call_id": string,
    "function_call": mapping,
    "audio": mapping,
    "annotations": array,
    "reasoning_content": string,
}
_CALL = {"id": string, "type": one_of("function", "custom"), "function": mapping, "index": anything}
_FUNCTION = {"name": string, "arguments": string}


def chat(where: str, value: Any) -> None:
    """The messages of chat completions. Raises InvalidError."""
    messages = _objects(where, value)
    open_calls: list[str] = []
    caller = ""
    for index, message in enumerate(messages):
        place = f"{where}[{index}]"
        fields(place, message, _MESSAGE, ("role",))
        role = message["role"]
        if role == "tool":
            fields(place, message, _MESSAGE, ("tool_call_id", "content"))
            if message["tool_call_id"] not in open_calls:
                raise InvalidError(
                    "Invalid parameter: messages with role 'tool' must be a response to a "
                    "preceding message with 'tool_calls'.",
                    None,
                    f"{place}.role",
                )
            open_calls.remove(message["tool_call_id"])
            continue
        _answered(open_calls, caller)
        calls = message.get("tool_calls") or []
        if role != "assistant" and calls:
            raise InvalidError(
                f"'tool_calls' is only allowed in messages of the assistant, not of {role!r}.",
                "invalid_value",
                f"{place}.tool_calls",
            )
        if message.get("content") is None and not (role == "assistant" and _says(message)):
            raise wrong_type(f"{place}.content", "a string or an array", None)
        for number, call in enumerate(_objects(f"{place}.tool_calls", calls)):
            inner = f"{place}.tool_calls[{number}]"
            fields(inner, call, {**_CALL, "custom": mapping}, ("id", "type"))
            if call["type"] == "function":
                fields(inner, call, {**_CALL, "custom": mapping}, ("function",))
                fields(f"{inner}.function", call["function"], _FUNCTION, ("name", "arguments"))
            open_calls.append(call["id"])
        caller = place
    _answered(open_calls, caller)


def _says(message: dict[str, Any]) -> bool:
    """Whether a message of the assistant says something without content."""
    names = ("tool_calls", "function_call", "refusal", "audio")
    return any(message.get(name) for name in names)


def _answered(open_calls: list[str], caller: str) -> None:
    if open_calls:
        raise InvalidError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            + ", ".join(open_calls),
            None,
            caller,
        )


def items(where: str, value: Any) -> None:
    """The input of responses: a text, or items. Raises InvalidError."""
    if isinstance(value, str):
        return
    called: list[str] = []
    for index, item in enumerate(_objects(where, value)):
        place = f"{where}[{index}]"
        kind = item.get("type", "message")
        string(f"{place}.type", kind)
        if kind == "message":
            one_of("system", "developer", "user", "assistant")(f"{place}.role", item.get("role"))
            text_or_array(f"{place}.content", item.get("content"))
        elif kind == "function_call":
            checks = dict.fromkeys(("type", "id", "call_id", "name", "arguments", "status"), string)
            fields(place, item, checks, ("call_id", "name", "arguments"))
            called.append(item["call_id"])
        elif kind == "function_call_output":
            checks = {**dict.fromkeys(("type", "id", "call_id", "status"), string)}
            fields(place, item, {**checks, "output": text_or_array}, ("call_id", "output"))
            if item["call_id"] not in called:
                raise InvalidError(
                    f"No tool call found for function call output with call_id {item['call_id']}.",
                    None,
                    where,
                )
            called.remove(item["call_id"])
    if called:
        raise InvalidError(f"No tool output found for function call {called[0]}.", None, where)


def anthropic(where: str, value: Any) -> None:
    """The messages of Anthropic's API. Raises InvalidError."""
    waiting: list[str] = []
    for index, message in enumerate(_objects(where, value)):
        place = f"{where}.{index}"
        fields(
            place,
            message,
            {"role": one_of("user", "assistant", "system"), "content": text_or_array},
            ("role", "content"),
        )
        content = message["content"]
        blocks = [] if isinstance(content, str) else _objects(f"{place}.content", content)
        results = [block.get("tool_use_id") for block in blocks if block.get("type") == RESULT]
        missing = [name for name in waiting if name not in results]
        if missing:
            raise InvalidError(
                f"{place}: `tool_use` ids were found without `tool_result` blocks immediately "
                f"after: {', '.join(missing)}. Each `tool_use` block must have a corresponding "
                "`tool_result` block in the next message.",
                None,
                place,
            )
        for name in results:
            if name not in waiting:
                raise InvalidError(
                    f"{place}: unexpected `tool_use_id` found in `tool_result` blocks: {name}. "
                    "Each `tool_result` block must have a corresponding `tool_use` block in the "
                    "previous message.",
                    None,
                    place,
                )
        waiting = [str(block.get("id")) for block in blocks if block.get("type") == "tool_use"]
    if waiting:
        raise InvalidError(
            f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            + ", ".join(waiting),
            None,
            where,
        )


RESULT = "tool_result"


def _objects(where: str, value: Any) -> list[dict[str, Any]]:
    array(where, value)
    for index, item in enumerate(value):
        mapping(f"{where}[{index}]", item)
    return list(value)
