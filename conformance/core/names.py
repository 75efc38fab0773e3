"""Unknown names: the part of an error that leads to the valid ones."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

FEW = 30
"""Names that an error lists although it has a suggestion."""


def instead(name: str, valid: Iterable[str]) -> str:
    """`did you mean 'go'? there are: go, rust`: the nearest valid name, or all of them.

    No name is suggested that is not near. A long list stands only where no name is near.
    """
    names = list(valid)
    near = get_close_matches(name, names, n=1)
    hints = [f"did you mean {near[0]!r}?"] if near else []
    if not near or len(names) <= FEW:
        hints.append(f"there are: {', '.join(names) or 'none'}")
    return " ".join(hints)
