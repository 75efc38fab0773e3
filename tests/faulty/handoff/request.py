"""From handoff data to the request that the API is sent (H3, U1, S1).

Numbers keep their text from one JSON to the other: nothing is calculated here, and a
float can lose digits.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, NamedTuple

from options import Api
from switch import fault

OWN_HEADERS = (
    "content-type",
    "cache-control",
    "connection",
    "transfer-encoding",
    "content-length",
    "content-encoding",
    "x-accel-buffering",
)
"""What `response_headers` cannot change (R1)."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Number(str):
    """A JSON number, as it was written."""

    __slots__ = ()


class InvalidError(Exception):
    """The handoff data cannot be served: 400 (H3)."""


class ApiRequest(NamedTuple):
    """What is sent to the API."""

    body: bytes
    headers: tuple[tuple[str, str], ...]
    elsewhere: str | None = None
    """For a fault: another API's base, that the handoff data names."""

    def encoded(self, api: Api, *, again: bool = False) -> bytes:
        """The bytes of the HTTP/1.1 request."""
        key = "" if again and fault("key_lost_when_sent_again") else api.key
        lines = [
            f"POST {api.path}/chat/completions HTTP/1.1",
            f"Host: {api.host}:{api.port}",
            f"Authorization: Bearer {key}",
            "Content-Type: application/json",
            "Accept: text/event-stream",
            "Accept-Encoding: identity",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def fields(self, api: Api) -> list[tuple[str, str]]:
        """The head of the HTTP/2 request."""
        return [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", f"{api.host}:{api.port}"),
            (":path", f"{api.path}/chat/completions"),
            ("authorization", f"Bearer {api.key}"),
            ("content-type", "application/json"),
            ("accept", "text/event-stream"),
            ("accept-encoding", "identity"),
            ("content-length", str(len(self.body))),
            *((name.lower(), value) for name, value in self.headers),
        ]


def decode(data: bytes) -> dict[str, Any]:
    """The JSON object in the handoff data. InvalidError."""
    number = float if fault("request_numbers_as_floats") else Number
    try:
        value = json.loads(
            data.decode(),
            parse_int=number,
            parse_float=number,
            parse_constant=_no_constant,
            object_pairs_hook=_unique if fault("doubled_key_dies") else None,
        )
    except UnicodeDecodeError:
        raise InvalidError("the handoff data is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"the handoff data is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidError("the handoff data is no JSON object")
    # What is null was not given.
    return {name: each for name, each in value.items() if each is not None}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a key stands twice"
    return dict(pairs)


def response_headers(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Those of `response_headers` that may be added to the response."""
    wanted = fields.get("response_headers", {})
    if not isinstance(wanted, dict):
        return []
    return [
        (name, value)
        for name, value in wanted.items()
        if _is_text(value)
        and _TOKEN.fullmatch(name)
        and (_clean(value) or fault("header_controls_let_through"))
        and name.lower() not in OWN_HEADERS
    ]


def build(fields: dict[str, Any], api: Api) -> ApiRequest:
    """The request for these fields. InvalidError."""
    if not fault("types_unchecked"):
        _check_types(fields)
    asked: dict[str, Any] = {"model": fields.get("model", api.model)}
    asked["messages"] = _messages(fields)
    for theirs, ours in (
        ("max_tokens", "max_tokens"), ("temperature", "temperature"), ("user", "user_id")
    ):  # fmt: skip
        if fields.get(ours) in (Number("0"), Number("0.0")) and fault("zero_is_unset"):
            continue
        if ours in fields:
            asked[theirs] = fields[ours]
    asked.update(fields.get("body", {}))
    asked["stream"] = True
    if fault("usage_always_asked"):
        asked["stream_options"] = {"include_usage": True}
    try:
        body = encode(asked).encode()
    except RecursionError:
        raise InvalidError("the handoff data is nested too deeply") from None
    return ApiRequest(body, _headers(fields), _elsewhere(fields))


def encode(value: Any) -> str:
    """JSON with every number as it was read."""
    match value:
        case Number():
            return str(value)
        case dict():
            inside = (f"{json.dumps(key)}:{encode(each)}" for key, each in value.items())
            return "{" + ",".join(inside) + "}"
        case list():
            return "[" + ",".join(map(encode, value)) + "]"
        case _:
            return json.dumps(value)


def _messages(fields: dict[str, Any]) -> list[Any]:
    messages, prompt = fields.get("messages"), fields.get("prompt")
    if messages is None and prompt is None:
        raise InvalidError("the handoff data has neither prompt nor messages")
    if messages is not None and fault("messages_ignored"):
        messages = None
    if isinstance(messages, list):
        return messages
    prompt = prompt or ""
    if isinstance(prompt, str) and "\\" in prompt and fault("prompt_unescaped"):
        prompt = prompt.replace("\\n", "\n").replace("\\", "")
    asked = [{"role": "user", "content": prompt}]
    if "system" in fields and not fault("system_ignored"):
        asked.insert(0, {"role": "system", "content": fields["system"]})
    return asked


def _headers(fields: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found = []
    for key, name in (("test_pattern", "X-Test-Pattern"), ("request_id", "X-Request-Id")):
        if key not in fields:
            continue
        if key == "test_pattern" and fault("drops_pattern"):
            continue
        if key == "request_id" and fault("request_id_lost"):
            continue
        value = str(fields[key])
        if not _clean(value) and not fault("request_header_injection"):
            raise InvalidError(f"{key} holds a control character")
        found.append((name, value))
    return tuple(found)


def _elsewhere(fields: dict[str, Any]) -> str | None:
    names = ("api_base", "base_url", "openai_api_base", "api_url", "url")
    found = next((str(fields[each]) for each in names if each in fields), None)
    return found if found and fault("destination_from_request") else None


def _clean(value: Any) -> bool:
    """Whether a text can be a header's value: no control characters, and encodable."""
    return isinstance(value, str) and not any(
        unicodedata.category(each) in ("Cc", "Cs") for each in value
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _is_integer(value: Any) -> bool:
    return isinstance(value, Number | float) and float(value).is_integer()


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and _is_text(each.get("role")) and _is_content(each.get("content"))
        for each in value
    )


def _is_content(value: Any) -> bool:
    # An assistant's message that only calls tools has no content.
    return value is None or _is_text(value) or isinstance(value, list)


_TYPES = {
    "prompt": (_is_text, "a string"),
    "system": (_is_text, "a string"),
    "model": (_is_text, "a string"),
    "messages": (_is_messages, "a list of objects with role and content"),
    "max_tokens": (_is_integer, "an integer"),
    "temperature": (lambda value: isinstance(value, Number | float), "a number"),
    "user_id": (lambda value: isinstance(value, str | float), "a string or a number"),
    "body": (lambda value: isinstance(value, dict), "an object"),
    "test_pattern": (_is_text, "a string"),
    "request_id": (_is_text, "a string"),
    "response_headers": (lambda value: isinstance(value, dict), "an object of strings"),
}


def _check_types(fields: dict[str, Any]) -> None:
    for name, (fits, wanted) in _TYPES.items():
        if name in fields and not fits(fields[name]):
            raise InvalidError(f"{name} is not {wanted}")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
