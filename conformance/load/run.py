"""The load test: start a backend, let all clients enter, then let all of them ask."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from conformance.core.finding import ScenarioStopped
from conformance.core.scenario import Start
from conformance.daemon.build import build
from conformance.daemon.manifest import Manifest, Variant
from conformance.load.arrivals import Arrivals
from conformance.load.goal import Goal
from conformance.load.resources import Resources, watched
from conformance.mock.client import MockClient
from conformance.mock.process import MockServer
from conformance.profiles.environment import Environment
from conformance.profiles.load_client import Answered, LoadClient, Work
from conformance.profiles.registry import profile_named
from conformance.running.limits import Limits
from conformance.running.staging import Staging
from conformance.timing.calibration import calibrate
from conformance.timing.loop_lag import INTERVAL, TOO_LATE, LoopLag

LATE = 0.001
"""Seconds. A generator that is late by less than this does not change a figure noticeably."""

_TOKEN = re.compile("[0-9a-f]{12,16}")
"""The part of a message that differs from client to client though the reason is the same."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for."""

    clients: int
    requests: int
    """Of each client, one after the other."""
    prompt: str
    pattern: str
    timeout: float
    """Seconds for each client."""
    arrivals: Arrivals | None = None
    """When requests begin, in an open loop; None in a closed loop, where clients wait for
    their answers. In an open loop each request has a client of its own."""
    goal: Goal | None = None
    """What counts as goodput."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the clients saw."""

    profile: str
    target: str
    """The URL that was under load, or whose socket."""
    wish: Wish
    begun: int
    """How many clients asked, or were to ask."""
    answers: Sequence[Answered]
    """Of all clients, failed ones included."""
    failures: Counter[str]
    """How many clients failed, by the reason."""
    seconds: float
    """From the first question to the last answer."""
    used: Resources
    """What the server used meanwhile."""
    late: float
    """Seconds by which the suite's own event loop was late, on average."""

    @property
    def completed(self) -> int:
        """How many clients got all their answers."""
        return self.begun - self.failures.total()

    @property
    def good(self) -> int:
        """How many answers kept the goal; all of them without one."""
        goal = self.wish.goal
        return sum(goal is None or goal.met(answer) for answer in self.answers)

    @property
    def valid(self) -> bool:
        """Whether the server was measured, and not the suite's own lateness."""
        added = sorted(time for answer in self.answers for time in answer.added)
        middle = added[len(added) // 2] if added else TOO_LATE
        return self.late <= max(LATE, middle / 2)


def load(
    manifest: Manifest, variant: Variant, wish: Wish, *, tell: Callable[[int], None]
) -> Outcome:
    """Load one daemon. `tell` is called with the number of clients that have just ended.

    Raises DaemonError for a backend that cannot be built, started or found, and CrowdError
    where the clients' common state cannot be set up.
    """
    with MockServer() as mock:
        return asyncio.run(_load(manifest, variant, wish, mock, tell))


async def _load(
    manifest: Manifest,
    variant: Variant,
    wish: Wish,
    mock: MockServer,
    tell: Callable[[int], None],
) -> Outcome:
    profile = profile_named(manifest.profile)
    assert profile.load is not None, "the command has checked it"
    await build(manifest)
    scale = (await calibrate()).scale
    async with MockClient.attach(mock.addresses) as upstream:
        limits = Limits(profile.concurrency, scale)
        staging = Staging(manifest, variant, upstream, limits, scale=scale)
        async with staging.environment(Start()) as started:
            # The user's time limit holds as it is.
            environment = replace(started, scale=1.0)
            work = Work(environment, wish.prompt, wish.pattern, wish.requests, wish.timeout)
            async with profile.load(work) as newcomer:
                return await _Crowd(newcomer, wish, environment, tell).serve()


class _Crowd:
    """All clients of a load test."""

    def __init__(
        self,
        newcomer: Callable[[], LoadClient],
        wish: Wish,
        environment: Environment,
        tell: Callable[[int], None],
    ) -> None:
        self._newcomer, self._wish = newcomer, wish
        self._environment, self._tell = environment, tell
        self._failures: Counter[str] = Counter()
        self._answers: list[Answered] = []

    async def serve(self) -> Outcome:
        """Let all clients ask."""
        instance = self._environment.instance
        async with watched(instance.pid) as used, LoopLag.measured() as lag:
            begun, seconds = await (self._closed() if self._wish.arrivals is None else self._open())
            late = lag.lost / max(1.0, seconds / INTERVAL)
        return Outcome(
            profile=self._environment.manifest.profile,
            target=instance.url or f"{self._environment.manifest.name}'s socket",
            wish=self._wish,
            begun=begun,
            answers=self._answers,
            failures=self._failures,
            seconds=seconds,
            used=used,
            late=late,
        )

    async def _closed(self) -> tuple[int, float]:
        """All clients enter, then all ask. Returns their number, and seconds."""
        clients = [self._newcomer() for _ in range(self._wish.clients)]
        try:
            entered = await asyncio.gather(*(self._succeeds(each.enter()) for each in clients))
            inside = [client for client, there in zip(clients, entered, strict=True) if there]
            began = time.monotonic()
            await asyncio.gather(*(self._succeeds(self._ask(client)) for client in inside))
            return len(clients), time.monotonic() - began
        finally:
            await asyncio.gather(*(client.leave() for client in clients))

    async def _open(self) -> tuple[int, float]:
        """A new client for each request, at its time. Returns their number, and seconds."""
        assert self._wish.arrivals is not None, "serve() has checked it"
        began = time.monotonic()
        async with asyncio.TaskGroup() as running:
            begun = 0
            for at in self._wish.arrivals:
                await asyncio.sleep(max(0.0, began + at - time.monotonic()))
                running.create_task(self._visit(self._newcomer()))
                begun += 1
        return begun, time.monotonic() - began

    async def _visit(self, client: LoadClient) -> None:
        try:
            if await self._succeeds(client.enter()):
                await self._succeeds(self._ask(client))
        finally:
            await client.leave()

    async def _ask(self, client: LoadClient) -> None:
        for _ in range(self._wish.requests):
            self._answers.append(await client.ask())
        self._tell(1)

    async def _succeeds(self, step: Awaitable[None]) -> bool:
        try:
            await step
        except ScenarioStopped as failed:
            self._failures[_TOKEN.sub("…", str(failed))] += 1
            self._tell(1)
            return False
        return True
