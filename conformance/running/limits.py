"""Concurrency limits: starting instances, playing scenarios, quiet measurements."""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path

from conformance.profiles.base import SLOT

OWN_INSTANCES = 8
"""Scenarios with an instance of their own that begin at the same time. Eight hide each
other's waits and do not yet disturb the other scenarios."""

STARTS = os.cpu_count() or 1
"""Instances that start at the same time. A start only computes: of two that share a
processor, both are ready when the second could have been."""

START_SLOT = 3.0
"""Seconds after which a start gives its slot back, because it may never be ready."""

QUIET = f"stream-conformance-{os.getuid()}.quiet"
"""The lock's name in the folder for temporary files. Each user has one, since another user's
file cannot be opened."""


class Limits:
    """The slots of one group of cases; times are in seconds on a calm machine."""

    def __init__(self, concurrency: int, scale: float, *, slot_time: float = SLOT) -> None:
        """Make the slots.

        concurrency: scenarios of the shared instance.
        scale: the factor by which times are stretched.
        slot_time: see Profile.slot.
        """
        self._scale = scale
        self._slot = slot_time
        self._shared = asyncio.Semaphore(concurrency)
        self._own = asyncio.Semaphore(OWN_INSTANCES)
        self._starts = asyncio.Semaphore(STARTS)

    def shared(self) -> AbstractAsyncContextManager[None]:
        """A slot for a scenario on the shared instance."""
        return slot(self._shared, self._slot * self._scale)

    def own(self) -> AbstractAsyncContextManager[None]:
        """A slot for a scenario with an instance of its own."""
        return slot(self._own, self._slot * self._scale)

    def start(self) -> AbstractAsyncContextManager[None]:
        """A slot for starting an instance."""
        return slot(self._starts, START_SLOT * self._scale)


@asynccontextmanager
async def slot(free: asyncio.Semaphore, seconds: float) -> AsyncIterator[None]:
    """Wait for a slot and hold it for `seconds` at most; a longer body runs on without it."""
    await free.acquire()
    held = ExitStack()
    held.callback(free.release)
    timer = asyncio.get_running_loop().call_later(seconds, held.close)
    try:
        yield
    finally:
        timer.cancel()
        held.close()


@asynccontextmanager
async def quiet() -> AsyncIterator[None]:
    """Hold the lock that keeps this user's other runs from disturbing a measurement."""
    lock = Path(tempfile.gettempdir(), QUIET)
    with lock.open("w") as file:  # noqa: ASYNC230, the file is empty
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A thread that waits in flock() cannot be cancelled.
                await asyncio.sleep(0.02)
        yield
