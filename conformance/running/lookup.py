"""Looking up names that a user can misspell."""

from __future__ import annotations

from collections.abc import Iterable

from conformance.core.names import instead


class SelectionError(ValueError):
    """A selected name does not exist, an option's value is wrong, or nothing is left to judge."""


def known(name: str, valid: Iterable[str], what: str) -> None:
    """Raise SelectionError, naming the nearest valid name, or else all, unless `name` is valid."""
    names = list(valid)
    if name not in names:
        raise SelectionError(f"no {what} {name!r}; {instead(name, names)}")
