"""Handoff data: from the web server's JSON to the API's request. No I/O.

The daemon checks what it is given but rewrites none of it: the text of each
value is cut out of the handoff data and put into the API's request as it
stands. So a number of any size keeps its digits, an escape stays the escape
it was, and there is no encoder that could get them wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from streaming_daemon.failure import BadHandoff

_SPACE = re.compile(r"[ \t\n\r]*")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Request:
    """What a handoff asks for."""

    body: bytes
    """The JSON object to send to the API."""
    headers: tuple[tuple[bytes, bytes], ...]
    """Request headers that the handoff adds; valid ones."""
    response_headers: Mapping[str, object]
    """Headers that the client's response is to carry; not looked at yet."""


@dataclass(frozen=True, slots=True)
class _Number:
    """A number by its text, which is all that is ever needed of it."""

    text: str


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_decoder = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_refuse)


def parse(data: bytes, *, default_model: str) -> Request:
    """Read handoff data. Raises BadHandoff, naming the field."""
    if data in (b"", b"\0"):
        raise BadHandoff("the handoff carries no data; expected a JSON object")
    try:
        text = data.decode()
        value = _decoder.decode(text)
        if not isinstance(value, dict):
            raise BadHandoff("the handoff data is no JSON object")
        return _request(text, value, default_model)
    except (ValueError, RecursionError) as error:
        raise BadHandoff(f"the handoff data is no JSON: {error}") from None


def response_headers(data: bytes) -> Mapping[str, object]:
    """The response headers that data asks for, however wrong the rest of it is."""
    try:
        headers = _decoder.decode(data.decode())["response_headers"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return {}
    return headers if isinstance(headers, dict) else {}


def _request(text: str, value: dict[str, Any], default_model: str) -> Request:
    # A field that is null is one that was not given.
    given = {key: each for key, each in value.items() if each is not None}
    _check(given)
    raw = {key: each for key, each in _members(text).items() if key in given}
    return Request(
        body=_body(given, raw, default_model).encode(),
        headers=tuple(
            (header, _header_value(field, given[field]))
            for field, header in (
                ("test_pattern", b"x-test-pattern"),
                ("request_id", b"x-request-id"),
            )
            if given.get(field)
        ),
        response_headers=given.get("response_headers", {}),
    )


def _body(given: dict[str, Any], raw: dict[str, str], default_model: str) -> str:
    fields = {"model": raw.get("model", json.dumps(default_model))}
    if "messages" in given:
        fields["messages"] = raw["messages"]
    else:
        messages = [("system", raw["system"])] if "system" in given else []
        messages.append(("user", raw["prompt"]))
        turns = (f'{{"role":"{role}","content":{content}}}' for role, content in messages)
        fields["messages"] = f"[{','.join(turns)}]"
    for field, name in (
        ("max_tokens", "max_tokens"),
        ("temperature", "temperature"),
        ("user_id", "user"),
    ):
        if field in given:
            fields[name] = raw[field]
    if "body" in given:
        fields |= _members(raw["body"])
    fields["stream"] = "true"
    return f"{{{','.join(f'{json.dumps(name)}:{value}' for name, value in fields.items())}}}"


def _members(text: str) -> dict[str, str]:
    """The members of a JSON object (known to be one), each value by its own text."""
    members: dict[str, str] = {}
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = _decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # the colon
        _, end = _decoder.raw_decode(text, at)
        members[name] = text[at:end]
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _check(given: dict[str, Any]) -> None:
    for field in ("prompt", "system", "model", "user_id", "test_pattern", "request_id"):
        if not isinstance(given.get(field, ""), str):
            raise BadHandoff(f"{field}: expected a string")
    for field in ("body", "response_headers"):
        if not isinstance(given.get(field, {}), dict):
            raise BadHandoff(f"{field}: expected an object")
    maximum = given.get("max_tokens", _Number("0"))
    if not isinstance(maximum, _Number) or not maximum.text.lstrip("-").isdigit():
        raise BadHandoff("max_tokens: expected an integer")
    if not isinstance(given.get("temperature", _Number("0")), _Number):
        raise BadHandoff("temperature: expected a number")
    if "messages" in given:
        _check_messages(given["messages"])
    elif "prompt" not in given:
        raise BadHandoff("neither prompt nor messages is given")


def _check_messages(messages: Any) -> None:
    if not isinstance(messages, list) or not messages:
        raise BadHandoff("messages: expected a list of messages, at least one")
    for index, message in enumerate(messages):
        where = f"messages[{index}]"
        if not isinstance(message, dict):
            raise BadHandoff(f"{where}: expected an object with role and content")
        if not isinstance(message.get("role"), str):
            raise BadHandoff(f"{where}.role: expected a string")
        content = message.get("content")
        if content is None and message["role"] == "assistant":
            continue  # it called tools and said nothing
        if isinstance(content, list) and all(isinstance(part, dict) for part in content):
            continue
        if not isinstance(content, str):
            raise BadHandoff(f"{where}.content: expected a string or a list of parts")


def _header_value(field: str, value: str) -> bytes:
    if _CONTROL.search(value):
        raise BadHandoff(f"{field}: control characters cannot be passed on in a header")
    try:
        return value.strip(" ").encode()
    except UnicodeEncodeError:
        raise BadHandoff(f"{field}: a lone surrogate cannot be passed on in a header") from None
