"""JSON in which every value keeps its own text. No I/O.

A relay checks values and passes them on; it computes with none of them. So a
number is kept as its digits, whatever its size, and a member of an object can be
cut out of the text and put elsewhere as it stands.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn, TypeGuard

_SPACE = re.compile(r"[ \t\n\r]*")


class Number:
    """A number by its digits. It is deliberately not a str: a str is a JSON string here."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_decoder = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse)


def decode(text: str) -> Any:
    """The value of a JSON text; numbers are `Number`. Raises ValueError or RecursionError."""
    return _decoder.decode(text)


def decode_or_none(data: bytes) -> Any:
    """The value of JSON bytes, or None where they are not JSON."""
    try:
        return decode(data.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None


def is_text(value: Any) -> TypeGuard[str]:
    """Whether the value is a JSON string."""
    return isinstance(value, str)


def is_integer(value: Any) -> TypeGuard[Number]:
    """Whether the value is a number without fraction and exponent."""
    return isinstance(value, Number) and value.text.lstrip("-").isdigit()


def members(text: str) -> dict[str, str]:
    """The members of an object, each value as its own text; the last of equal names counts.

    text: JSON that `decode` has accepted as an object.
    """
    values: dict[str, str] = {}
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = _decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # the colon
        _, end = _decoder.raw_decode(text, at)
        values[name] = text[at:end]
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return values


def elements(text: str) -> list[str]:
    """The elements of a list, each as its own text.

    text: JSON that `decode` has accepted as a list.
    """
    values: list[str] = []
    at = _skip(text, text.index("[") + 1)
    while text[at] != "]":
        _, end = _decoder.raw_decode(text, at)
        values.append(text[at:end])
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return values


def join(values: dict[str, str]) -> str:
    """The object that has these members: the opposite of `members`."""
    return f"{{{','.join(f'{json.dumps(name)}:{value}' for name, value in values.items())}}}"


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
