"""The rate limit: a sliding window of messages for each thread.

Refused messages do not count. A client that keeps trying is admitted as soon as the
window has room. The windows are in memory and are empty after a restart.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from agent_chat.options import Rate


class RateLimit:
    """The windows of all threads."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: monotonic, in seconds."""
        self._rate = rate
        self._clock = clock
        self._windows: dict[str, deque[float]] = {}

    def admit(self, thread_id: str) -> bool:
        """Count one more message of this thread. False if the window is full."""
        now = self._clock()
        window = self._windows.setdefault(thread_id, deque())
        while window and now - window[0] >= self._rate.seconds:
            window.popleft()
        if len(window) >= self._rate.messages:
            return False
        window.append(now)
        return True

    def purge(self) -> None:
        """Delete the windows of threads that were silent for a whole window."""
        now = self._clock()
        for thread_id, window in list(self._windows.items()):
            if not window or now - window[-1] >= self._rate.seconds:
                del self._windows[thread_id]
