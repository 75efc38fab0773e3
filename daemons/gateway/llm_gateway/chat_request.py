"""A chat completion request: checked, and prepared for the API. No I/O.

Every field goes to the API as its own text, so a number keeps its digits. The
API judges values; the gateway judges types, and answers a wrong type itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llm_api import exact_json
from llm_api.exact_json import Number, is_integer, is_text
from llm_api.messages import check_messages

from llm_gateway.errors import BadRequest


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A client's request for a chat completion."""

    model: str | None
    stream: bool
    wants_usage: bool
    """The client asked for a chunk with the usage."""
    fields: Mapping[str, str]
    """Each field as its own text."""

    def body(self, *, add_usage: bool) -> bytes:
        """The body of the API's request.

        add_usage: ask for the usage of a stream in the client's place.
        """
        fields = dict(self.fields)
        if add_usage:
            given = fields.get("stream_options", "null")
            options = {} if given == "null" else exact_json.members(given)
            fields["stream_options"] = exact_json.join(options | {"include_usage": "true"})
        return exact_json.join(fields).encode()


def parse(data: bytes) -> ChatRequest:
    """Read a request's body. Raises BadRequest, which names the field."""
    try:
        text = data.decode()
        value = exact_json.decode(text)
    except (ValueError, RecursionError):
        raise BadRequest("expected a JSON object, found a body that is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("expected a JSON object, found another JSON value")
    # A field that is null counts as absent here, and goes to the API all the same.
    given = {name: field for name, field in value.items() if field is not None}
    _check(given)
    return ChatRequest(
        model=given.get("model"),
        stream=given.get("stream", False),
        wants_usage=given.get("stream_options", {}).get("include_usage") is True,
        fields=exact_json.members(text),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, Number)


def _is_texts(value: Any) -> bool:
    return is_text(value) or (isinstance(value, list) and all(map(is_text, value)))


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(element, dict) for element in value)


def _is_object_or_text(value: Any) -> bool:
    return isinstance(value, dict) or is_text(value)


_TYPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "model": (is_text, "a string"),
    "stream": (lambda value: isinstance(value, bool), "true or false"),
    "stream_options": (lambda value: isinstance(value, dict), "an object"),
    "max_tokens": (is_integer, "an integer"),
    "max_completion_tokens": (is_integer, "an integer"),
    "n": (is_integer, "an integer"),
    "seed": (is_integer, "an integer"),
    "top_logprobs": (is_integer, "an integer"),
    "temperature": (_is_number, "a number"),
    "top_p": (_is_number, "a number"),
    "frequency_penalty": (_is_number, "a number"),
    "presence_penalty": (_is_number, "a number"),
    "logprobs": (lambda value: isinstance(value, bool), "true or false"),
    "logit_bias": (lambda value: isinstance(value, dict), "an object"),
    "response_format": (lambda value: isinstance(value, dict), "an object"),
    "stop": (_is_texts, "a string or a list of strings"),
    "tools": (_is_objects, "a list of objects"),
    "tool_choice": (_is_object_or_text, "a string or an object"),
    "user": (is_text, "a string"),
}


def _check(given: Mapping[str, Any]) -> None:
    for field, (holds, expected) in _TYPES.items():
        if field in given and not holds(given[field]):
            raise BadRequest(f"{field}: expected {expected}", param=field)
    if "messages" not in given:
        raise BadRequest("messages: expected a list of messages, found none", param="messages")
    try:
        check_messages(given["messages"])
    except ValueError as error:
        place = str(error).partition(":")[0]
        raise BadRequest(str(error), param=place) from None
