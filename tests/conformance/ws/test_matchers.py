"""Matchers: the values that each one matches, and those that it does not match."""

from __future__ import annotations

import re
from typing import Any

import pytest

from conformance.ws import (
    Contains,
    Exactly,
    Matcher,
    Null,
    OfType,
    Predicate,
    Range,
    Regex,
    WSResponse,
)
from conformance.ws.matchers import agrees


@pytest.mark.parametrize(
    ("expected", "fits", "misses"),
    [
        (Regex("^[0-9a-f]{4}$"), ["00ff"], ["00fff", "", 5, None, ["00ff"]]),
        (Regex("HELLO", re.IGNORECASE), ["say hello"], ["hell"]),
        (OfType(int), [1, -5], [True, 1.0, "1", None]),
        (OfType(int, float), [1, 1.5], [True, "1"]),
        (OfType(bool), [True, False], [1, 0]),
        (OfType(list), [[], [1]], [{}, "[]"]),
        (Range(1, 5), [1, 5, 2.5], [0, 6, True, "3", None]),
        (Range(low=0), [0, 10**20], [-0.1]),
        (Range(high=0), [-1, 0], [1]),
        (Contains("ell"), ["hello", ["ell"], {"ell": 1}], ["hero", ["hello"], 5, None]),
        (Contains(Regex("^h")), [["x", "hello"]], [["x"], "hello"]),
        (Contains(b"\x00"), [b"a\x00b"], [b"ab", "a\x00b"]),
        (Predicate(lambda value: value > 3), [4], [3, "4", None]),
        (Exactly(1), [1], [True, 1.0, "1"]),
        (Exactly({"a": [1, None]}), [{"a": [1, None]}], [{"a": [True, None]}, {"a": [1]}, {}]),
        (Null(), [None], [0, "", False]),
        ({"a": Regex("x"), "b": 1}, [{"a": "x", "b": 1}], [{"a": "y", "b": 1}, {"a": "x"}]),
        ([1, OfType(str)], [[1, "a"]], [[1, 2], [1], [1, "a", "b"]]),
        (1, [1, True, 1.0], ["1", None]),
    ],
)
def test_the_values_that_a_matcher_matches(
    expected: Any, fits: list[Any], misses: list[Any]
) -> None:
    assert [value for value in fits if not agrees(expected, value)] == []
    assert [value for value in misses if agrees(expected, value)] == []


def test_only_a_matcher_expects_an_explicit_null() -> None:
    document = {"a": None}
    assert WSResponse().with_attribute("a", Null()).is_match(document)
    assert WSResponse().with_attribute("a", Exactly(None)).is_match(document)
    assert not WSResponse().with_attribute("a").is_match(document)
    assert not WSResponse().with_attribute("a", Predicate(lambda _: True)).is_match(document)
    assert not WSResponse().with_attribute("b", Null()).is_match(document)


def test_an_exception_in_a_predicate_is_a_remark() -> None:
    predicate = Predicate(lambda value: value["deep"] > 1, "deep is more than 1")
    assert not predicate.matches({})
    assert predicate.remark({}) == "the predicate raised KeyError: 'deep'"
    assert predicate.remark({"deep": 1}) == ""


def test_a_custom_matcher() -> None:
    class Even(Matcher):
        def matches(self, value: Any) -> bool:
            return isinstance(value, int) and value % 2 == 0

    response = WSResponse().with_attribute("n", Even())
    assert response.is_match({"n": 4})
    assert not response.is_match({"n": 5})


def test_the_repr_of_a_matcher_is_its_code() -> None:
    assert repr(OfType(int, str)) == "OfType(int, str)"
    assert repr(Predicate(lambda _: True, "anything")) == "Predicate(anything)"
    assert Regex("a") == Regex("a") != Regex("b")
    assert str(WSResponse().with_attribute("a", Range(1, 2))) == '{"a": "Range(low=1, high=2)"}'


def test_a_matcher_rejects_wrong_arguments() -> None:
    with pytest.raises(re.error):
        Regex("(")
    with pytest.raises(ValueError, match="at least one type"):
        OfType()
