"""Loop lag: was the suite itself on time while it judged?

A scenario that says "within two seconds" is judged by a process that must itself get
a processor in time. A timer runs on the same event loop as the scenarios. Where the
timer fired late, the loop stood still. Whatever seemed slow meanwhile may have been
the suite, or the machine, instead of the daemon.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

INTERVAL = 0.02
"""Seconds between two timers: far below the shortest time limit of a scenario."""

TOO_LATE = 0.15
"""Seconds of lag from which time limits cannot be judged: half of the shortest one, 0.3 s. A busy
neighbour on one of two cores causes a lag of 3 to 30 ms."""

TOO_MUCH = 0.15
"""The part of a long wait that may be lost before its end says nothing. A machine with a free
core loses less than a twentieth of two seconds and more."""


class LoopLag:
    """Records how late a repeated timer fires."""

    def __init__(self) -> None:
        self.lost = 0.0
        """The sum of all lags so far, in seconds."""
        self._late: list[tuple[float, float]] = []
        self._due = time.monotonic() + INTERVAL

    @classmethod
    @asynccontextmanager
    async def measured(cls) -> AsyncIterator[LoopLag]:
        """Measure the running event loop, until the block ends."""
        lag = cls()
        task = asyncio.create_task(lag._measure())
        try:
            yield lag
        finally:
            task.cancel()

    def latest_since(self, moment: float) -> float:
        """The largest lag since that moment, in seconds; 0 where none was above TOO_LATE."""
        now = time.monotonic()
        pending = (now, now - self._due)
        lags = [*self._late, pending]
        return max((lag for at, lag in lags if at >= moment and lag > TOO_LATE), default=0.0)

    async def _measure(self) -> None:
        while True:
            self._due = time.monotonic() + INTERVAL
            await asyncio.sleep(INTERVAL)
            now = time.monotonic()
            self.lost += now - self._due
            if now - self._due > TOO_LATE:
                self._late.append((now, now - self._due))
