"""Who may go when: instances that start, scenarios that play, measurements that need quiet."""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

OWN_INSTANCES = 8
"""Scenarios with an instance of their own that begin at a time: enough to hide
their waiting, few enough that they do not disturb the others."""

STARTS = os.cpu_count() or 1
"""Instances that start at a time: starting is nothing but work, and two that share a processor
are both ready only when the second could have been."""

START_TURN = 3.0
"""Seconds after which one that is not ready lets the next one start: it may never be."""

TURN = 0.5
"""Seconds after which a scenario that still plays mostly waits: another one begins beside it."""

QUIET = f"stream-conformance-{os.getuid()}.quiet"
"""The lock's name in the folder for temporary files: another user could not open it."""


@asynccontextmanager
async def turn(places: asyncio.Semaphore, seconds: float) -> AsyncIterator[None]:
    """Wait for a place; who takes longer than these seconds leaves it to the next and goes on."""
    await places.acquire()
    held = ExitStack()
    held.callback(places.release)
    timer = asyncio.get_running_loop().call_later(seconds, held.close)
    try:
        yield
    finally:
        timer.cancel()
        held.close()


@asynccontextmanager
async def quiet() -> AsyncIterator[None]:
    """Hold the lock for measurements that no other run of this user may disturb."""
    lock = Path(tempfile.gettempdir(), QUIET)
    with lock.open("w") as file:  # noqa: ASYNC230, it is empty and stays so
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A thread that waits in flock() could not be cancelled.
                await asyncio.sleep(0.02)
        yield
