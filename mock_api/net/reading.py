"""How a script has its request read: slowly, or not to its end.

Usually a request is read as fast as it comes, and answered when it is complete. A
script that wants it otherwise must be known when the head is there: so only the
header X-Test-Pattern can ask for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """How much of the body is read before something else happens."""

    size: int
    """Bytes of the body; 0: the head alone."""
    gate: int = 0
    """The rest is read when this gate is open. 0: it is answered now, and no more is read."""


class Hold:
    """A request that is read on when a gate opens."""

    __slots__ = ("opened", "token")

    def __init__(self, token: str | None, opened: Callable[[], None]) -> None:
        self.token = token
        self.opened = opened
