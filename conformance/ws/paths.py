"""Paths: how an expectation or a reference names values inside a JSON document.

One leading `/` is dropped and the rest split on `/`. Each part is applied to
every candidate, of which the whole document is the first:

  an object     yields its member of that name
  an array      yields the element of that index (negative: from the end);
                an empty part yields all its elements
  a scalar      stays as it is, so that a path that is too long still finds it;
                strict paths yield nothing instead

Null never survives a part that follows it. `a/0/b` is an index, `a//b` any
element, `//b` any element of a document that is an array. A key with a `/` in
it cannot be reached.
"""

from __future__ import annotations

from typing import Any


def resolve(document: Any, path: str, *, strict: bool = False) -> list[Any]:
    """Every value that the path names, nulls left out; empty where there is none."""
    return [value for value in candidates(document, path, strict=strict) if value is not None]


def candidates(document: Any, path: str, *, strict: bool = False) -> list[Any]:
    """The same, with the nulls that the path's last part names."""
    found = [document]
    for part in path.removeprefix("/").split("/"):
        found = [value for each in found if each is not None for value in _step(each, part, strict)]
    return found


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
