"""How many messages a thread may send: a sliding window for each.

What was refused does not count: whoever keeps trying is let in again as soon
as the window has moved on. Kept in memory only; a restart forgives.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from agent_chat.options import Rate


class RateLimit:
    """The windows of all threads."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds, never going back."""
        self._rate = rate
        self._clock = clock
        self._windows: dict[str, deque[float]] = {}

    def admit(self, thread_id: str) -> bool:
        """Whether one more message of this thread may come in now; if so, it is counted."""
        now = self._clock()
        window = self._windows.setdefault(thread_id, deque())
        while window and now - window[0] >= self._rate.seconds:
            window.popleft()
        if len(window) >= self._rate.messages:
            return False
        window.append(now)
        return True

    def purge(self) -> None:
        """Forget threads that have been silent for a whole window."""
        now = self._clock()
        for thread_id, window in list(self._windows.items()):
            if not window or now - window[-1] >= self._rate.seconds:
                del self._windows[thread_id]
