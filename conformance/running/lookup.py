"""Looking up names that a user can misspell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from conformance.core.names import instead

GLOB = re.compile(r"[*?\[]")
"""What makes a text a pattern."""


class SelectionError(ValueError):
    """A selected name does not exist, an option's value is wrong, or nothing is left to judge."""


def known(name: str, valid: Iterable[str], what: str) -> None:
    """Raise SelectionError, naming the nearest valid name, or else all, unless `name` is valid."""
    names = list(valid)
    if name not in names:
        raise SelectionError(f"no {what} {name!r}; {instead(name, names)}")


def matching(wanted: str, names: Iterable[str], *, categories: Iterable[str] = ()) -> set[str]:
    """The scenarios that this text selects: a name, or a pattern as a shell has them.

    Raises SelectionError where there are none; it says so where the text is a category.
    """
    names = list(names)
    found = {name for name in names if fnmatchcase(name, wanted)}
    if found:
        return found
    if wanted in set(categories):
        raise SelectionError(f"no scenario {wanted!r}: it is a category; use --category {wanted}")
    if GLOB.search(wanted):
        raise SelectionError(f"no scenario matches {wanted!r}; `conformance list` shows them")
    raise SelectionError(f"no scenario {wanted!r}; {instead(wanted, names, nearest=3)}")
