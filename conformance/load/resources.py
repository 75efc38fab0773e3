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
    before, used.rss_idle = _sum(proc.cpu, _tree(pid)), int(_sum(proc.rss, _tree(pid)))
    task = asyncio.create_task(_watch(pid, used))
    try:
        yield used
    finally:
        task.cancel()
        used.cpu = _sum(proc.cpu, _tree(pid)) - before


async def _watch(pid: int, used: Resources) -> None:
    while True:
        tree = _tree(pid)
        used.rss = max(used.rss, int(_sum(proc.rss, tree)))
        used.descriptors = max(used.descriptors, int(_sum(proc.descriptor_count, tree)))
        await asyncio.sleep(INTERVAL)


def _tree(pid: int) -> tuple[int, ...]:
    """The process and its descendants; every process is read for that."""
    return (pid, *proc.descendants(pid))


def _sum(measure: Callable[[int], float], tree: tuple[int, ...]) -> float:
    total = 0.0
    for each in tree:
        with suppress(ProcessLookupError, PermissionError):
            total += measure(each)
    return total
