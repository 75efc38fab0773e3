"""The load test of a website: its clients use one space, which an app of the suite serves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from conformance.core.finding import ScenarioStopped
from conformance.profiles.load_client import Answered, CrowdError, LoadClient, Work
from conformance.profiles.spaces.client import SpacesBench
from conformance.profiles.spaces.user import Space, User

POLL = 0.1
"""Seconds between two questions whether a space's request is done."""


class SpacesClient:
    """A user of one space, which an app of ours serves."""

    def __init__(self, work: Work, space: Space, given: Mapping[str, float]) -> None:
        self._work, self._space, self._given = work, space, given
        self._bench = SpacesBench(work.scenario, work.environment)
        self._users: list[User] = []

    async def enter(self) -> None:
        """Register and log in, once for each request: users must pause between two."""
        self._users += await self._bench.users(self._work.requests)

    async def ask(self) -> Answered:
        """Submit a request, and ask for its result until it is there."""
        user = self._users.pop()
        began = time.monotonic()
        request = await user.asked(self._space, prompt=self._work.prompt)
        while (await user.status(request))["status"] != "completed":
            if self._bench.left < POLL:
                raise user.refuted(
                    await user.get(f"/websockets/status?request_id={request}"),
                    check="completed",
                    clause="SP17",
                    expected="the request is completed in time",
                )
            await asyncio.sleep(POLL)
        return Answered(self._given[request] - began, time.monotonic() - began, 0)

    async def leave(self) -> None:
        """Close every connection."""
        await self._bench.aclose()


@asynccontextmanager
async def clients(work: Work) -> AsyncIterator[Callable[[], LoadClient]]:
    """A space of their own, and an app that answers each request with its words."""
    bench = SpacesBench(work.scenario, work.environment)
    given: dict[str, float] = {}
    try:
        space = await bench.space()
        app = await bench.app(space)

        async def serve() -> None:
            while True:
                request = await app.given()
                given[request.id] = time.monotonic()
                await app.report(request.id, "completed", {"text": request.payload["prompt"]})

        serving = asyncio.create_task(serve())
        try:
            yield lambda: SpacesClient(work, space, given)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    except ScenarioStopped as failed:
        raise CrowdError(str(failed)) from None
    finally:
        await bench.aclose()
