"""Put a backend under load: start it if need be, let everybody in, then let everybody ask."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from conformance.core.finding import ScenarioStopped
from conformance.daemon.build import build
from conformance.daemon.instance import Instance, Remote
from conformance.daemon.manifest import Manifest, Variant
from conformance.daemon.process import DaemonProcess
from conformance.mock.client import MockClient
from conformance.mock.process import MockServer
from conformance.profiles.environment import Environment
from conformance.profiles.load_client import Answered, LoadClient, Work
from conformance.profiles.registry import profile_named
from conformance.timing.calibration import calibrate

_TOKEN = re.compile("[0-9a-f]{12,16}")
"""What is in one client's words alone: without it, clients fail for the same reason."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for."""

    clients: int
    requests: int
    prompt: str
    pattern: str
    timeout: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    profile: str
    target: str
    """The URL that was under load."""
    wish: Wish
    answers: Sequence[Answered]
    """Of all clients, failed ones included."""
    failures: Counter[str]
    """How many clients failed, by the reason."""
    seconds: float
    """From the first question to the last answer."""

    @property
    def completed(self) -> int:
        """How many clients got all their answers."""
        return self.wish.clients - self.failures.total()


def load(
    manifest: Manifest, variant: Variant, wish: Wish, *, tell: Callable[[int], None]
) -> Outcome:
    """Put it under load. `tell` is called with the number of clients that have just ended.

    Raises DaemonError for a backend that cannot be had, CrowdError for one on
    which nothing can be set up.
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
    async with (
        MockClient.attach(mock.addresses) as upstream,
        _instance(manifest, variant, upstream) as instance,
    ):
        environment = Environment(instance, upstream, manifest, variant, scale=1.0)
        make_clients = profile_named(manifest.profile).load
        assert make_clients is not None, "the command has checked it"
        work = Work(environment, wish.prompt, wish.pattern, wish.requests, wish.timeout)
        async with make_clients(work) as newcomer:
            clients = [newcomer() for _ in range(wish.clients)]
            try:
                return await _served(clients, wish, environment, tell)
            finally:
                await asyncio.gather(*(each.leave() for each in clients))


@asynccontextmanager
async def _instance(
    manifest: Manifest, variant: Variant, upstream: MockClient
) -> AsyncIterator[Instance]:
    if manifest.served is not None:
        yield Remote(manifest.served.url)
        return
    await build(manifest)
    scale = (await calibrate()).scale
    async with DaemonProcess.start(manifest, variant, upstream, scale=scale) as instance:
        yield instance


async def _served(
    clients: Sequence[LoadClient], wish: Wish, environment: Environment, tell: Callable[[int], None]
) -> Outcome:
    failures: Counter[str] = Counter()
    answers: list[Answered] = []

    async def attempt(client: LoadClient, work: Callable[[LoadClient], object]) -> bool:
        try:
            await work(client)  # type: ignore[misc]
        except ScenarioStopped as failed:
            failures[_TOKEN.sub("…", str(failed))] += 1
            tell(1)
            return False
        return True

    async def ask(client: LoadClient) -> None:
        for _ in range(wish.requests):
            answers.append(await client.ask())
        tell(1)

    entered = await asyncio.gather(*(attempt(each, lambda it: it.enter()) for each in clients))
    inside = [each for each, there in zip(clients, entered, strict=True) if there]
    began = time.monotonic()
    await asyncio.gather(*(attempt(each, ask) for each in inside))
    return Outcome(
        profile=environment.manifest.profile,
        target=environment.instance.url,
        wish=wish,
        answers=answers,
        failures=failures,
        seconds=time.monotonic() - began,
    )
