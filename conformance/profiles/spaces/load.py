"""The load test of a website: its clients use one space, which an app of the suite serves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from conformance.core.finding import ScenarioStopped
from conformance.profiles.load_client import Answered, CrowdError, LoadClient, Work
from conformance.profiles.spaces.bench import SpacesBench
from conformance.profiles.spaces.user import Space, User

INTERVAL = 0.1
"""Seconds between two questions whether a request is completed."""


class SpacesClient:
    """A client of one space, with a new user for each request."""

    def __init__(self, work: Work, space: Space, arrivals: Mapping[str, float]) -> None:
        """Prepare a client. arrivals: when the app received each request."""
        self._work, self._space, self._arrivals = work, space, arrivals
        self._bench = SpacesBench(work.scenario, work.environment)
        self._users: list[User] = []

    async def enter(self) -> None:
        """Register a user for each request: a user must pause between two requests."""
        self._users += await self._bench.users(self._work.requests)

    async def ask(self) -> Answered:
        """Submit a request, and ask for its result until it arrives."""
        user = self._users.pop()
        began = time.monotonic()
        request = await user.request(self._space, prompt=self._work.prompt)
        while (status := await user.status(request))["status"] != "completed":
            user.require(
                self._bench.left >= INTERVAL,
                "completed",
                expected="the request is completed in time",
                actual=status,
                clause="SP17",
            )
            await asyncio.sleep(INTERVAL)
        return Answered(self._arrivals[request] - began, time.monotonic() - began, 0)

    async def leave(self) -> None:
        """Close every connection."""
        await self._bench.aclose()


@asynccontextmanager
async def clients(work: Work) -> AsyncIterator[Callable[[], LoadClient]]:
    """Make a space, and an app that answers each request with its own prompt."""
    bench = SpacesBench(work.scenario, work.environment)
    arrivals: dict[str, float] = {}
    try:
        space = await bench.space()
        app = await bench.app(space)

        async def serve() -> None:
            while True:
                request = await app.next_request()
                arrivals[request.id] = time.monotonic()
                await app.report(request.id, "completed", {"text": request.payload["prompt"]})

        serving = asyncio.create_task(serve())
        try:
            yield lambda: SpacesClient(work, space, arrivals)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    except ScenarioStopped as error:
        raise CrowdError(str(error)) from None
    finally:
        await bench.aclose()
