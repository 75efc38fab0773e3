"""What the server's processes use during a load test: memory, descriptors, processor time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from conformance.daemon import proc

INTERVAL = 0.1
"""Seconds between two looks."""


@dataclass(slots=True)
class Resources:
    """The most that the process and its descendants used."""

    rss: int = 0
    """Bytes of resident memory, at their peak."""
    rss_idle: int = 0
    """Bytes before the first request."""
    descriptors: int = 0
    cpu: float = 0.0
    """Seconds of processor time, user and system."""


@asynccontextmanager
async def watched(pid: int | None) -> AsyncIterator[Resources]:
    """Look at a process tree until the block ends; without a pid everything stays 0."""
    used = Resources()
    if pid is None:
        yield used
        return
    before, used.rss_idle = _cpu(pid), _rss(pid)
    task = asyncio.create_task(_watch(pid, used))
    try:
        yield used
    finally:
        task.cancel()
        used.cpu = _cpu(pid) - before


async def _watch(pid: int, used: Resources) -> None:
    while True:
        used.rss = max(used.rss, _rss(pid))
        used.descriptors = max(used.descriptors, int(_sum(proc.descriptor_count, pid)))
        await asyncio.sleep(INTERVAL)


def _rss(pid: int) -> int:
    return int(_sum(proc.rss, pid))


def _cpu(pid: int) -> float:
    return _sum(proc.cpu, pid)


def _sum(measure: Callable[[int], float], pid: int) -> float:
    total = 0.0
    for each in (pid, *proc.descendants(pid)):
        with suppress(ProcessLookupError, PermissionError):
            total += measure(each)
    return total
