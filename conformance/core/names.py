"""Unknown names: the part of an error that leads to the valid ones."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

FEW = 30
"""The most names that an error lists."""


def instead(name: str, valid: Iterable[str], *, nearest: int = 1) -> str:
    """`did you mean 'go'? there are: go, rust`: the nearest valid names, and some or all.

    nearest: how many names are suggested at most. A name is suggested only where it is near.
    Next to a suggestion a long list is left out; without one it is cut.
    """
    names = list(valid)
    near = [repr(each) for each in get_close_matches(name, names, n=nearest)]
    several = f"{', '.join(near[:-1])} or {near[-1]}" if len(near) > 1 else "".join(near)
    hints = [f"did you mean {several}?"] if near else []
    if not near or len(names) <= FEW:
        more = f", and {len(names) - FEW} more" if len(names) > FEW else ""
        hints.append(f"there are: {', '.join(names[:FEW]) or 'none'}{more}")
    return " ".join(hints)
