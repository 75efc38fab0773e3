"""Matchers: values that stand in place of an expected value and match many values.

    WSResponse().with_attribute("id", Regex("[0-9a-f]{12}"))

Matchers are frozen and comparable; their repr is the code that makes them. They may stand
inside an expected object or list. A plain expected value matches its equals in Python, where
1 equals true and 1.0; Exactly distinguishes them. A null counts as missing, unless the
matcher sees nulls.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


class Matcher(ABC):
    """A condition in place of an expected value. Subclass it for your own conditions."""

    sees_null: ClassVar[bool] = False
    """Whether `matches` receives nulls; otherwise a null counts as missing."""

    @abstractmethod
    def matches(self, value: Any) -> bool:
        """Return whether a JSON value (or the text or bytes of a frame) fits."""

    def remark(self, value: Any) -> str:
        """Return a sentence that reports add to a value that does not fit, or nothing."""
        del value
        return ""


def agrees(expected: Any, value: Any) -> bool:
    """Return whether a value is the expected one; matchers count at any depth."""
    match expected:
        case Matcher():
            return expected.matches(value)
        case dict() if isinstance(value, dict):
            return expected.keys() == value.keys() and all(
                agrees(part, value[key]) for key, part in expected.items()
            )
        case list() if isinstance(value, list):
            return len(expected) == len(value) and all(map(agrees, expected, value))
        case _:
            return bool(expected == value)


@dataclass(frozen=True)
class Regex(Matcher):
    """A string that contains a match of the pattern; anchor it to match the whole string."""

    pattern: str
    flags: int = 0

    def __post_init__(self) -> None:
        re.compile(self.pattern, self.flags)

    def matches(self, value: Any) -> bool:
        return isinstance(value, str) and re.search(self.pattern, value, self.flags) is not None


@dataclass(frozen=True, init=False)
class OfType(Matcher):
    """A value of one of these types: str, int, float, bool, list, dict. True is not an int."""

    types: tuple[type, ...]

    def __init__(self, *types: type) -> None:
        if not types:
            raise ValueError("expected at least one type, found none (OfType); write OfType(str)")
        object.__setattr__(self, "types", types)

    def matches(self, value: Any) -> bool:
        return type(value) in self.types

    def __repr__(self) -> str:
        return f"OfType({', '.join(kind.__name__ for kind in self.types)})"


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
    """A string with this part, a list with such an element, or an object with this key."""

    part: Any

    def matches(self, value: Any) -> bool:
        match value:
            case list():
                return any(agrees(self.part, element) for element in value)
            case str() | dict():
                return isinstance(self.part, str) and self.part in value
            case bytes():
                return isinstance(self.part, bytes) and self.part in value
            case _:
                return False


@dataclass(frozen=True)
class Predicate(Matcher):
    """A value for which the function returns true. Reports show an exception of the function."""

    function: Callable[[Any], object]
    meaning: str = ""
    """The condition in words, for reports."""

    def matches(self, value: Any) -> bool:
        return self._call(value)[0]

    def remark(self, value: Any) -> str:
        return self._call(value)[1]

    def _call(self, value: Any) -> tuple[bool, str]:
        try:
            return bool(self.function(value)), ""
        except Exception as error:
            return False, f"the predicate raised {type(error).__name__}: {error}"

    def __repr__(self) -> str:
        return f"Predicate({self.meaning or getattr(self.function, '__name__', 'function')})"


@dataclass(frozen=True)
class Exactly(Matcher):
    """This value in its JSON types: 1 does not match true or 1.0. None matches null."""

    value: Any
    sees_null: ClassVar[bool] = True

    def matches(self, value: Any) -> bool:
        return _same(self.value, value)


@dataclass(frozen=True)
class Null(Matcher):
    """An explicit null: the member exists and is null."""

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
