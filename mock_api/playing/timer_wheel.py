"""A timer wheel: one clock for all timed streams.

Every stream's deadlines are absolute, so lateness does not add up: a late stream sends
everything due at once. Streams due in the same millisecond share a slot, and the event
loop has one timer, for the earliest slot.
"""

from __future__ import annotations

import asyncio
import heapq
from time import monotonic
from typing import Protocol

SLOTS_PER_SECOND = 1000
"""libuv's timers have a resolution of one millisecond."""


class Timed(Protocol):
    """An object with deadlines."""

    def advance(self, now: float) -> float | None:
        """Do what is due; the next deadline, or None without one."""


class TimerWheel:
    """Slots of timed objects, by the millisecond in which they are due."""

    def __init__(self) -> None:
        self._slots: dict[int, list[Timed]] = {}
        self._order: list[int] = []
        """The numbers of the slots, as a heap."""
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0
        self._ticking = False

    def add(self, timed: Timed, due: float) -> None:
        """Call `timed.advance` at that time, from the running event loop."""
        slot = int(due * SLOTS_PER_SECOND) + 1
        if slot in self._slots:
            self._slots[slot].append(timed)
            return
        self._slots[slot] = [timed]
        heapq.heappush(self._order, slot)
        if not self._ticking and (self._timer is None or slot < self._armed_for):
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = self._order[0]
        delay = self._armed_for / SLOTS_PER_SECOND - monotonic()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, delay), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._ticking = True
        now = monotonic()
        current = int(now * SLOTS_PER_SECOND)
        try:
            while self._order and self._order[0] <= current:
                for timed in self._slots.pop(heapq.heappop(self._order)):
                    due = timed.advance(now)
                    if due is not None:
                        self.add(timed, due)
        finally:
            self._ticking = False
            if self._order:
                self._arm()
