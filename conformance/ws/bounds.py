"""Bounds: waiting for so long and no longer, and doing things together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from conformance.ws.errors import WSTimeoutError


@asynccontextmanager
async def bounded(seconds: float | None, text: str) -> AsyncIterator[None]:
    """Bound what is inside; raises WSTimeoutError(text), and only for this very bound."""
    try:
        async with asyncio.timeout(seconds) as scope:
            yield
    except TimeoutError:
        if scope.expired():
            raise WSTimeoutError(text) from None
        raise


async def together(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run them at once; the first exception cancels the others and is raised as it is."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
