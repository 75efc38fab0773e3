"""Checks of a declaration: a wrong argument fails on the line that passes it."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


def checked(method: str, value: T, *kinds: type) -> T:
    """Return the value. Raises TypeError if it is not an instance of one of the kinds."""
    if isinstance(value, kinds):
        return value
    wanted = " or ".join(kind.__name__ for kind in kinds)
    actual = f"the class {value.__name__}" if isinstance(value, type) else repr(value)
    raise TypeError(f"expected a {wanted}, found {actual} ({method}); pass an instance of {wanted}")


def checked_seconds(method: str, value: float | None, *, endless: bool = False) -> Any:
    """Return a duration. Raises ValueError if it is not a number of 0 or more.

    `endless` also accepts None, which stands for "without a limit".
    """
    if value is None and endless:
        return value
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= 0:
        allowed = ", or None for no limit" if endless else ""
        raise ValueError(
            f"expected seconds, 0 or more{allowed}, found {value!r} ({method}); pass a number"
        )
    return value
