"""Exact comparison of JSON: every digit of every number; `true` differs from `1`.

A daemon must not change numbers. So integers are decoded as integers of any size, and
all other numbers as decimals. Text is compared code point by code point, except for
lone surrogates: contract R3 lets a daemon replace them by U+FFFD.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def decode(text: str | bytes) -> Any:
    """Decode one JSON value; ValueError for anything else, NaN and Infinity included."""
    try:
        return _DECODER.decode(text.decode() if isinstance(text, bytes) else text)
    except RecursionError:
        raise ValueError("nested too deeply to be decoded") from None


def without_lone_surrogates(text: str) -> str:
    """The text with U+FFFD in place of every lone surrogate (contract R3)."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def difference(expected: Any, actual: Any, *, digits: bool = False) -> str | None:
    """The first difference of two decoded values; None where they are equal.

    With `digits` numbers are compared digit for digit: `1.0` differs from `1`.
    The text reads `choices[0].delta.content: expected 'a', found 'b'`.
    """
    return _difference("", expected, actual, digits)


def _difference(path: str, expected: Any, actual: Any, digits: bool) -> str | None:
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in expected | actual:
            where = f"{path}.{key}" if path else str(key)
            if key not in actual:
                return f"{where}: missing, expected {_short(expected[key])}"
            if key not in expected:
                return f"{where}: found {_short(actual[key])}, expected nothing"
            if difference := _difference(where, expected[key], actual[key], digits):
                return difference
        return None
    if isinstance(expected, list) and isinstance(actual, list):
        for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
            if difference := _difference(f"{path}[{index}]", one, other, digits):
                return difference
        if len(expected) != len(actual):
            return f"{path or 'value'}: expected {len(expected)} items, found {len(actual)}"
        return None
    if _same(expected, actual, digits):
        return None
    return f"{path or 'value'}: expected {_short(expected)}, found {_short(actual)}"


def _same(expected: Any, actual: Any, digits: bool) -> bool:
    if isinstance(expected, str) and isinstance(actual, str):
        return without_lone_surrogates(expected) == without_lone_surrogates(actual)
    if _is_number(expected) and _is_number(actual):
        if digits:
            return Decimal(expected).as_tuple() == Decimal(actual).as_tuple()
        return bool(expected == actual)
    return type(expected) is type(actual) and bool(expected == actual)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _short(value: Any, limit: int = 60) -> str:
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}…"


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)
