"""Paths into JSON documents."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.ws.paths import candidates, resolve

DOCUMENT = {
    "type": "x",
    "null": None,
    "": "empty key",
    "a": [{"b": 1}, {"b": 2}, {"c": 3}, 4],
    "deep": [[{"b": 1}], [{"b": 2}, {"b": None}]],
}
ROWS = [{"b": 1}, {"b": 2}]


@pytest.mark.parametrize(
    ("document", "path", "values"),
    [
        (DOCUMENT, "type", ["x"]),
        (DOCUMENT, "/type", ["x"]),
        (DOCUMENT, "a/0/b", [1]),
        (DOCUMENT, "a/-3/b", [2]),
        (DOCUMENT, "a/3/", [4]),
        (DOCUMENT, "a//b", [1, 2, 4]),
        (DOCUMENT, "deep///b", [1, 2]),
        (DOCUMENT, "", ["empty key"]),
        (ROWS, "/0/b", [1]),
        (ROWS, "//b", [1, 2]),
        ([ROWS], "///b", [1, 2]),
        (DOCUMENT, "missing", []),
        (DOCUMENT, "missing/below", []),
        (DOCUMENT, "null", []),
        (DOCUMENT, "null/below", []),
        (DOCUMENT, "a/9/b", []),
        (DOCUMENT, "a/-9/b", []),
        (DOCUMENT, "a/word", []),
        (None, "a", []),
    ],
)
def test_a_path_names_values(document: Any, path: str, values: list[Any]) -> None:
    assert resolve(document, path) == values


@pytest.mark.parametrize(
    ("document", "path"), [(DOCUMENT, "type/foo"), ("text", "any/path"), (5, "any")]
)
def test_a_path_that_is_too_long_finds_the_scalar_unless_paths_are_strict(
    document: Any, path: str
) -> None:
    assert len(resolve(document, path)) == 1
    assert resolve(document, path, strict=True) == []


def test_strict_paths_find_what_is_there() -> None:
    assert resolve(DOCUMENT, "a//b", strict=True) == [1, 2]


def test_nulls_that_the_last_part_names_are_candidates() -> None:
    assert candidates(DOCUMENT, "null") == [None]
    assert candidates(DOCUMENT, "deep///b") == [1, 2, None]
    assert candidates(DOCUMENT, "null/below") == []
