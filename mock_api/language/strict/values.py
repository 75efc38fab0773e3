"""Checks of one field's value; each raises Invalid in the API's own words and codes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from mock_api.language.errors import Fault

Check = Callable[[str, Any], None]
"""Takes a field's place and value. Raises Invalid."""

_NAMES = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


class InvalidError(ValueError):
    """The request is not valid; `fault` is the API's error."""

    def __init__(self, message: str, code: str | None, param: str | None) -> None:
        super().__init__(message)
        self.fault = Fault(400, message, code=code, param=param)


def wrong_type(where: str, expected: str, value: Any) -> InvalidError:
    """The error for a value of another type."""
    found = _NAMES.get(type(value), "a value")
    message = f"Invalid type for {where!r}: expected {expected}, but got {found} instead."
    return InvalidError(message, "invalid_type", where)


def _of(kind: type | tuple[type, ...], expected: str) -> Check:
    kinds = kind if isinstance(kind, tuple) else (kind,)

    def check(where: str, value: Any) -> None:
        if type(value) not in kinds:
            raise wrong_type(where, expected, value)

    return check


string = _of(str, "a string")
boolean = _of(bool, "a boolean")
array = _of(list, "an array")
mapping = _of(dict, "an object")
text_or_array = _of((str, list), "a string or an array")
text_or_object = _of((str, dict), "a string or an object")


def anything(where: str, value: Any) -> None:
    """Any value is valid."""


def bounded(kind: str, least: float, most: float | None = None) -> Check:
    """A number of this kind, `integer` or `decimal`, between these."""

    def check(where: str, value: Any) -> None:
        if type(value) is not int and (kind == "integer" or type(value) is not float):
            raise wrong_type(where, f"a{'n' * (kind[0] == 'i')} {kind}", value)
        if value < least:
            raise _out(where, kind, "below_min", "below minimum", ">=", least, value)
        if most is not None and value > most:
            raise _out(where, kind, "above_max", "above maximum", "<=", most, value)

    return check


def _out(
    where: str, kind: str, code: str, side: str, sign: str, bound: float, value: float
) -> InvalidError:
    message = (
        f"Invalid {where!r}: {kind} {side} value. "
        f"Expected a value {sign} {bound:g}, but got {value:g} instead."
    )
    return InvalidError(message, f"{kind}_{code}_value", where)


def one_of(*values: str) -> Check:
    """One of these texts."""

    def check(where: str, value: Any) -> None:
        string(where, value)
        if value not in values:
            shown = ", ".join(f"'{each}'" for each in values)
            message = f"Invalid value: '{value[:80]}'. Supported values are: {shown}."
            raise InvalidError(message, "invalid_value", where)

    return check


def fields(
    where: str,
    value: Mapping[str, Any],
    checks: Mapping[str, Check],
    required: Collection[str] = (),
) -> None:
    """Check an object's fields; null counts as absent."""
    prefix = f"{where}." if where else ""
    for name in required:
        if value.get(name) is None:
            message = f"Missing required parameter: '{prefix}{name}'."
            raise InvalidError(message, "missing_required_parameter", f"{prefix}{name}")
    for name, content in value.items():
        if name not in checks:
            message = f"Unknown parameter: '{prefix}{name[:80]}'."
            raise InvalidError(message, "unknown_parameter", f"{prefix}{name[:80]}")
        if content is not None:
            checks[name](f"{prefix}{name}", content)
