"""Floods: how much of one answer is read and kept, and of how many large ones at a time.

A daemon can send without end. Every byte is kept until the checks have run, so an answer
has a bound, above which it is a failed check. Large answers wait for one of a few places,
their clients not reading meanwhile. So hundreds of floods at a time need little memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

MIB = 1 << 20


SMALL = 3 * MIB // 2
"""Cost of an answer that needs no place. Most scenarios' answers are far smaller."""

MOST = 24 * MIB
"""Cost of an answer that is a flood. The largest answer of a scenario has 16 MiB of text."""

EVENT = 1024
"""Cost of an event besides its bytes: a daemon can send very many small ones."""

KEPT = 64 * 1024
"""Bytes of a flood that are kept as evidence."""

PLACES = 2
"""Large answers that are read at a time. Each takes about three times its size of memory."""


class Places:
    """The places of one event loop."""

    def __init__(self) -> None:
        self._free = PLACES
        self._waiting: deque[Callable[[], None]] = deque()

    @classmethod
    def here(cls) -> Places:
        """Those of the running event loop."""
        return _PLACES.setdefault(asyncio.get_running_loop(), cls())

    def take(self, granted: Callable[[], None]) -> None:
        """Call `granted` as soon as there is a place, perhaps at once."""
        if self._free:
            self._free -= 1
            granted()
        else:
            self._waiting.append(granted)

    def give_up(self, granted: Callable[[], None]) -> bool:
        """Wait no longer; return whether it waited."""
        if granted in self._waiting:
            self._waiting.remove(granted)
            return True
        return False

    def give(self) -> None:
        """Give a place to who has waited longest."""
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._free += 1


_PLACES: WeakKeyDictionary[asyncio.AbstractEventLoop, Places] = WeakKeyDictionary()
