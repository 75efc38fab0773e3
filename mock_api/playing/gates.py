"""Gates: an event leaves only after the client's side has asked for it.

A gate belongs to an exchange, that is, to its token. `open(token, n)` lets
everything up to the n-th gate pass, whether it came before or comes after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

MOST_TOKENS = 10_000
"""How many tokens' gates are remembered; the oldest are forgotten first."""


class Gated(Protocol):
    """Something that stands before a gate."""

    @property
    def token(self) -> str | None:
        """Whose gates they are."""

    @property
    def opened(self) -> Callable[[], None]:
        """What to call when the gate is open."""


class Gates:
    """How far each token's gates are open, and who stands before one."""

    def __init__(self) -> None:
        self._open: dict[str | None, int] = {}
        self._standing: dict[str | None, list[tuple[int, Gated]]] = {}

    def open(self, token: str, number: int) -> None:
        """Let pass what stands, or will stand, before this token's gates up to `number`."""
        self._open[token] = max(number, self._open.get(token, 0))
        while len(self._open) > MOST_TOKENS:
            del self._open[next(iter(self._open))]
        for gate, gated in self._standing.pop(token, []):
            if gate <= number:
                gated.opened()
            else:
                self._standing.setdefault(token, []).append((gate, gated))

    def passes(self, gated: Gated, number: int) -> bool:
        """Whether the gate is open; if not, `gated.opened` is called once it is."""
        token = gated.token
        if self._open.get(token, 0) >= number:
            return True
        standing = self._standing.setdefault(token, [])
        if (number, gated) not in standing:
            standing.append((number, gated))
        return False

    def leave(self, gated: Gated) -> None:
        """It does not stand before a gate any more."""
        token = gated.token
        standing = [each for each in self._standing.pop(token, []) if each[1] is not gated]
        if standing:
            self._standing[token] = standing
