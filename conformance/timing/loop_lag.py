"""The pulse: was the suite itself on time while it judged?

A scenario that says "within two seconds" is judged by a process that must
itself get a processor in time. The pulse beats on the same event loop as the
scenarios; where a beat came late, the loop stood still, and whatever seemed
slow meanwhile may have been the suite, or the machine, and not the daemon.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BEAT = 0.02
"""Seconds between beats: far below the shortest bound of a scenario."""

TOO_LATE = 0.15
"""Seconds by which a beat may be late before time bounds cannot be judged: half of the
shortest one, 0.3 s. A busy neighbour on one of two cores makes beats 3 to 30 ms late."""

TOO_MUCH = 0.15
"""The part of a long wait that may be lost before its end says nothing: a machine with a core to
spare loses less than a twentieth of two seconds and more."""


class Pulse:
    """Notes how late its beats are."""

    def __init__(self) -> None:
        self.lost = 0.0
        """Seconds by which all beats so far were late."""
        self._late: list[tuple[float, float]] = []
        self._due = time.monotonic() + BEAT

    @classmethod
    @asynccontextmanager
    async def beating(cls) -> AsyncIterator[Pulse]:
        """A pulse on the running event loop."""
        pulse = cls()
        task = asyncio.create_task(pulse._beat())
        try:
            yield pulse
        finally:
            task.cancel()

    def latest_since(self, moment: float) -> float:
        """By how many seconds the latest beat since then was late, 0 where none was too late."""
        now = time.monotonic()
        missing = (now, now - self._due)  # the next beat, where it should have been by now
        beats = [*self._late, missing]
        return max((late for at, late in beats if at >= moment and late > TOO_LATE), default=0.0)

    async def _beat(self) -> None:
        while True:
            self._due = time.monotonic() + BEAT
            await asyncio.sleep(BEAT)
            now = time.monotonic()
            self.lost += now - self._due
            if now - self._due > TOO_LATE:
                self._late.append((now, now - self._due))
