"""Handoff data: from the web server's JSON to the API's request. No I/O.

The daemon checks the values and rewrites none of them: the text of each value
is cut out of the handoff data and put into the API's request as it stands. So a
number of any size keeps its digits, and an escape stays the escape it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llm_api import exact_json
from llm_api.exact_json import Number, is_integer, is_text
from llm_api.messages import check_messages
from llm_api.request import Request

from streaming_daemon.bad_handoff import BadHandoff

_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Handoff:
    """The request that a handoff describes."""

    request: Request
    response_headers: Mapping[str, object]
    """Headers for the client's response; unchecked."""


def parse(data: bytes, *, default_model: str) -> Handoff:
    """Read handoff data. Raises BadHandoff, which names the field."""
    if data in (b"", b"\0"):
        raise BadHandoff("the handoff carries no data; expected a JSON object")
    try:
        text = data.decode()
        value = exact_json.decode(text)
        if not isinstance(value, dict):
            raise BadHandoff("the handoff data is not a JSON object")
        return _handoff(text, value, default_model)
    except (ValueError, RecursionError) as error:
        raise BadHandoff(f"the handoff data is not JSON: {error}") from None


def response_headers(data: bytes) -> Mapping[str, object]:
    """The response headers in handoff data whose other fields may be wrong."""
    try:
        headers = exact_json.decode(data.decode())["response_headers"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return {}
    return headers if isinstance(headers, dict) else {}


def _handoff(text: str, value: dict[str, Any], default_model: str) -> Handoff:
    # A field that is null counts as absent.
    given = {name: field for name, field in value.items() if field is not None}
    _check(given)
    raw = {name: field for name, field in exact_json.members(text).items() if name in given}
    headers = tuple(
        (header, _header_value(field, given[field]))
        for field, header in (
            ("test_pattern", b"x-test-pattern"),
            ("request_id", b"x-request-id"),
        )
        if given.get(field)
    )
    body = exact_json.join(_fields(given, raw, default_model))
    return Handoff(Request(body.encode(), headers), given.get("response_headers", {}))


def _fields(given: dict[str, Any], raw: dict[str, str], default_model: str) -> dict[str, str]:
    """The fields of the API's request, each as its own text."""
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
        fields |= exact_json.members(raw["body"])
    fields["stream"] = "true"
    return fields


def _check(given: dict[str, Any]) -> None:
    for field in ("prompt", "system", "model", "test_pattern", "request_id"):
        if not is_text(given.get(field, "")):
            raise BadHandoff(f"{field}: expected a string")
    # Many web applications number their users.
    if not isinstance(given.get("user_id", ""), (str, Number)):
        raise BadHandoff("user_id: expected a string or a number")
    for field in ("body", "response_headers"):
        if not isinstance(given.get(field, {}), dict):
            raise BadHandoff(f"{field}: expected an object")
    if not is_integer(given.get("max_tokens", Number("0"))):
        raise BadHandoff("max_tokens: expected an integer")
    if not isinstance(given.get("temperature", Number("0")), Number):
        raise BadHandoff("temperature: expected a number")
    if "messages" in given:
        try:
            check_messages(given["messages"])
        except ValueError as error:
            raise BadHandoff(str(error)) from None
    elif "prompt" not in given:
        raise BadHandoff("expected prompt or messages, found neither")


def _header_value(field: str, value: str) -> bytes:
    if _CONTROL.search(value):
        raise BadHandoff(f"{field}: control characters cannot be passed on in a header")
    try:
        return value.strip(" ").encode()
    except UnicodeEncodeError:
        raise BadHandoff(f"{field}: a lone surrogate cannot be passed on in a header") from None
