"""Timeouts, and coroutines that run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from conformance.ws.ws_timeout_error import WSTimeoutError


@asynccontextmanager
async def bounded(seconds: float | None, text: str) -> AsyncIterator[None]:
    """Limit the duration of the body. Raises WSTimeoutError(text) when this limit expires."""
    try:
        async with asyncio.timeout(seconds) as scope:
            yield
    except TimeoutError:
        if scope.expired():
            raise WSTimeoutError(text) from None
        raise


async def together(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run coroutines at the same time. Raises the first exception and cancels the others."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
