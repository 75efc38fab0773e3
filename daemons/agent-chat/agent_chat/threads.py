"""One turn at a time in a thread, in the order of arrival; threads do not wait for each other.

A thread belongs to the server, not to a socket, so turns that come over two
sockets wait for each other too.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Threads:
    """Who holds which thread, and who waits."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._holders: Counter[str] = Counter()
        """Holders and waiters; a lock without any is forgotten."""

    @asynccontextmanager
    async def hold(self, thread_id: str) -> AsyncIterator[None]:
        """Wait until everybody who came before has let go of the thread, and hold it."""
        lock = self._locks.setdefault(thread_id, asyncio.Lock())
        self._holders[thread_id] += 1
        try:
            async with lock:
                yield
        finally:
            self._holders[thread_id] -= 1
            if not self._holders[thread_id]:
                del self._holders[thread_id], self._locks[thread_id]
