"""Locks for threads: one turn at a time in a thread, in the order of arrival.

A thread belongs to the server, not to a socket. Turns of the same thread on two sockets
therefore wait for each other. Turns of different threads do not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Threads:
    """The locks of all threads that have a turn."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._holders: Counter[str] = Counter()
        """The number of holders and waiters of each lock. A lock without them is deleted."""

    @asynccontextmanager
    async def hold(self, thread_id: str) -> AsyncIterator[None]:
        """Wait for the earlier turns of the thread, then hold its lock."""
        lock = self._locks.setdefault(thread_id, asyncio.Lock())
        self._holders[thread_id] += 1
        try:
            async with lock:
                yield
        finally:
            self._holders[thread_id] -= 1
            if not self._holders[thread_id]:
                del self._holders[thread_id], self._locks[thread_id]
