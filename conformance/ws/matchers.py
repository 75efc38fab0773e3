"""Matchers: values that stand where an expected value stands, and match many.

    WSResponse().with_attribute("id", Regex("[0-9a-f]{12}"))

They are values: frozen, comparable, printed as they are written. They may stand
inside an expected object or list. A plain expected value matches what equals
it in Python, where 1 equals true and 1.0; Exactly tells them apart. Null counts as
missing, except to a matcher that sees it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


class Matcher(ABC):
    """What may stand in place of an expected value. Subclass it for more."""

    sees_null: ClassVar[bool] = False
    """Whether it is asked about null; otherwise null counts as missing."""

    @abstractmethod
    def matches(self, value: Any) -> bool:
        """Whether this JSON value (or a frame's text or bytes) is what was meant."""

    def remark(self, value: Any) -> str:
        """What a report adds about a value that did not match; empty for nothing."""
        del value
        return ""


def agrees(expected: Any, value: Any) -> bool:
    """Whether a value is the expected one; matchers count at any depth."""
    match expected:
        case Matcher():
            return expected.matches(value)
        case dict() if isinstance(value, dict):
            return expected.keys() == value.keys() and all(
                agrees(each, value[key]) for key, each in expected.items()
            )
        case list() if isinstance(value, list):
            return len(expected) == len(value) and all(map(agrees, expected, value))
        case _:
            return bool(expected == value)


@dataclass(frozen=True)
class Regex(Matcher):
    """A string in which the pattern is found; anchor it to match all of it."""

    pattern: str
    flags: int = 0

    def __post_init__(self) -> None:
        re.compile(self.pattern, self.flags)

    def matches(self, value: Any) -> bool:
        return isinstance(value, str) and re.search(self.pattern, value, self.flags) is not None


@dataclass(frozen=True, init=False)
class OfType(Matcher):
    """A value of one of these types: str, int, float, bool, list, dict. True is no int."""

    types: tuple[type, ...]

    def __init__(self, *types: type) -> None:
        if not types:
            raise ValueError("OfType: expected at least one type, found none: OfType(str)")
        object.__setattr__(self, "types", types)

    def matches(self, value: Any) -> bool:
        return type(value) in self.types

    def __repr__(self) -> str:
        return f"OfType({', '.join(each.__name__ for each in self.types)})"


@dataclass(frozen=True)
class Range(Matcher):
    """A number from `low` to `high`, both included; None leaves an end open."""

    low: float | None = None
    high: float | None = None

    def matches(self, value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return (self.low is None or self.low <= value) and (self.high is None or value <= self.high)


@dataclass(frozen=True)
class Contains(Matcher):
    """A string with this part, a list with an element that agrees, or an object with this key."""

    part: Any

    def matches(self, value: Any) -> bool:
        match value:
            case list():
                return any(agrees(self.part, each) for each in value)
            case str():
                return isinstance(self.part, str) and self.part in value
            case bytes():
                return isinstance(self.part, bytes) and self.part in value
            case dict():
                return isinstance(self.part, str) and self.part in value
            case _:
                return False


@dataclass(frozen=True)
class Predicate(Matcher):
    """A value for which the function is true. An exception in it is no match, and is told."""

    function: Callable[[Any], object]
    meaning: str = ""
    """What it asks for, for reports."""

    def matches(self, value: Any) -> bool:
        return self._ask(value)[0]

    def remark(self, value: Any) -> str:
        return self._ask(value)[1]

    def _ask(self, value: Any) -> tuple[bool, str]:
        try:
            return bool(self.function(value)), ""
        except Exception as error:
            return False, f"the predicate raised {type(error).__name__}: {error}"

    def __repr__(self) -> str:
        return f"Predicate({self.meaning or getattr(self.function, '__name__', 'function')})"


@dataclass(frozen=True)
class Exactly(Matcher):
    """This value in its JSON types: 1 is neither true nor 1.0. `Exactly(None)` is Null()."""

    value: Any
    sees_null: ClassVar[bool] = True

    def matches(self, value: Any) -> bool:
        return _same(self.value, value)


@dataclass(frozen=True)
class Null(Matcher):
    """An explicit null: the member is there, and null."""

    sees_null: ClassVar[bool] = True

    def matches(self, value: Any) -> bool:
        return value is None


def _same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        return False
    match left:
        case dict():
            return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
        case list():
            return len(left) == len(right) and all(map(_same, left, right))
        case _:
            return bool(left == right)
