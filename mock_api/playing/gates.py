"""Gates: an event leaves only after the client's side has opened its gate.

A gate belongs to an exchange, that is, to its token. `open(token, n)` opens the gates up to
the n-th, also for what arrives before them later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

MOST_TOKENS = 10_000
"""How many tokens' open gates are kept; the oldest are dropped first."""


class Gated(Protocol):
    """An object that waits before a gate."""

    @property
    def token(self) -> str | None:
        """The token of its exchange."""

    @property
    def opened(self) -> Callable[[], None]:
        """Called when the gate opens."""


class HeldRequest:
    """A request whose rest is read when a gate opens."""

    __slots__ = ("opened", "token")

    def __init__(self, token: str | None, opened: Callable[[], None]) -> None:
        self.token = token
        self.opened = opened


class Gates:
    """How far each token's gates are open, and which objects wait."""

    def __init__(self) -> None:
        self._open: dict[str | None, int] = {}
        self._waiting: dict[str | None, list[tuple[int, Gated]]] = {}

    def open(self, token: str, number: int) -> None:
        """Open this token's gates up to `number`."""
        self._open[token] = max(number, self._open.get(token, 0))
        while len(self._open) > MOST_TOKENS:
            del self._open[next(iter(self._open))]
        for gate, gated in self._waiting.pop(token, []):
            if gate <= number:
                gated.opened()
            else:
                self._waiting.setdefault(token, []).append((gate, gated))

    def passes(self, gated: Gated, number: int) -> bool:
        """Whether the gate is open; if not, `gated.opened` is called when it opens."""
        token = gated.token
        if self._open.get(token, 0) >= number:
            return True
        waiting = self._waiting.setdefault(token, [])
        if (number, gated) not in waiting:
            waiting.append((number, gated))
        return False

    def leave(self, gated: Gated) -> None:
        """The object waits no more."""
        token = gated.token
        waiting = [pair for pair in self._waiting.pop(token, []) if pair[1] is not gated]
        if waiting:
            self._waiting[token] = waiting
