"""Paths: the names of values inside a JSON document, for expectations and references.

A path is split on `/`, after one leading `/` is dropped. The candidates start with the
whole document. Each part of the path applies to every candidate:

  an object     yields its member with that name
  an array      yields its element with that index (a negative one counts from the end);
                an empty part yields all elements
  a scalar      stays as it is, so a path that is too long still finds the scalar;
                a strict path yields nothing

A part that follows a null finds nothing. `a/0/b` uses an index, `a//b` means any element
of `a`, and `//b` any element of a document that is an array. A path cannot reach a key
that contains `/`.
"""

from __future__ import annotations

from typing import Any


def resolve(document: Any, path: str, *, strict: bool = False) -> list[Any]:
    """Return every value that the path names, except nulls."""
    return [value for value in candidates(document, path, strict=strict) if value is not None]


def candidates(document: Any, path: str, *, strict: bool = False) -> list[Any]:
    """Return every value that the path names, with nulls."""
    values = [document]
    for part in path.removeprefix("/").split("/"):
        values = [
            value
            for parent in values
            if parent is not None
            for value in _step(parent, part, strict)
        ]
    return values


def _step(value: Any, part: str, strict: bool) -> list[Any]:
    match value:
        case dict():
            return [value[part]] if part in value else []
        case list() if not part:
            return value
        case list():
            try:
                return [value[int(part)]]
            except (ValueError, IndexError):
                return []
        case _:
            return [] if strict else [value]
