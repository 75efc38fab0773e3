"""Strict JSON readers: each takes a place's name and its value, and returns the value.

A script with a mistake would test something else than its author thinks. Every error names
the place, what was expected there, and what was found.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar

from mock_api.language import openai

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

Reader = Callable[[str, Any], T]


class ScriptError(ValueError):
    """The JSON is not a script; the message names the place, the expected and the found value."""

    def __init__(self, where: str, expected: str, found: Any) -> None:
        shown = openai.compact(found).decode()
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        super().__init__(f"{where}: expected {expected}, found {shown}")


def text(where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ScriptError(where, "a string", value)
    return value


def bytes_of(where: str, value: Any) -> bytes:
    """A string's UTF-8; lone surrogates are encoded as they are."""
    return text(where, value).encode("utf-8", "surrogatepass")


def base64_bytes(where: str, value: Any) -> bytes:
    try:
        return base64.b64decode(text(where, value), validate=True)
    except (binascii.Error, ValueError):
        raise ScriptError(where, "base64", value) from None


def true(where: str, value: Any) -> None:
    if value is not True:
        raise ScriptError(where, "true", value)


def whole(least: int, most: int) -> Reader[int]:
    def read(where: str, value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ScriptError(where, f"a whole number from {least} to {most}", value)
        return value

    return read


def seconds(most: float) -> Reader[float]:
    def read(where: str, value: Any) -> float:
        if type(value) not in (int, float) or not 0 <= value <= most:
            raise ScriptError(where, f"seconds from 0 to {most:g}", value)
        return float(value)

    return read


def member(kind: type[E]) -> Reader[E]:
    def read(where: str, value: Any) -> E:
        names = [option.value for option in kind]
        if value not in names:
            raise ScriptError(where, f"one of {', '.join(names)}", value)
        return kind(value)

    return read


def many(read: Reader[T]) -> Reader[tuple[T, ...]]:
    """A list; each of its values is read."""

    def read_all(where: str, value: Any) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise ScriptError(where, "a list", value)
        return tuple(read(f"{where}[{index}]", item) for index, item in enumerate(value))

    return read_all


def fields(
    where: str, value: Any, readers: Mapping[str, Reader[Any]], *, required: tuple[str, ...] = ()
) -> dict[str, Any]:
    """An object's fields, each read by its reader. The outermost object's place is ""."""
    place = where or "the script"
    if not isinstance(value, dict):
        raise ScriptError(place, "an object", value)
    for name in value:
        if name not in readers:
            raise ScriptError(place, f"only the fields {', '.join(readers)}", name)
    for name in required:
        if name not in value:
            raise ScriptError(place, f"a field {name}", value)
    return {
        name: readers[name](f"{where}.{name}" if where else name, content)
        for name, content in value.items()
    }


def headers(where: str, value: Any) -> tuple[tuple[str, str], ...]:
    expected = "an object of strings, or a list of [name, value]"
    pairs = list(value.items()) if isinstance(value, dict) else value
    if not isinstance(pairs, list):
        raise ScriptError(where, expected, value)
    for pair in pairs:
        strings = isinstance(pair, (list, tuple)) and all(isinstance(part, str) for part in pair)
        if not strings or len(pair) != 2:
            raise ScriptError(where, expected, pair)
        name, content = pair
        if not _HEADER_NAME.fullmatch(name):
            raise ScriptError(where, "a name in lower case (RFC 9110 5.1)", name)
        if not _HEADER_VALUE.fullmatch(content):
            raise ScriptError(f"{where}.{name}", "a value without control characters", content)
    return tuple((name, content) for name, content in pairs)
