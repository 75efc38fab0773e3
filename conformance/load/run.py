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
from conformance.mock.client import MockClient
from conformance.mock.process import MockServer
from conformance.profiles.environment import Environment
from conformance.profiles.load_client import Answered, LoadClient, Work
from conformance.profiles.registry import profile_named
from conformance.running.limits import Limits
from conformance.running.staging import Staging
from conformance.timing.calibration import calibrate

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the clients saw."""

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
                clients = [newcomer() for _ in range(wish.clients)]
                try:
                    return await _served(clients, wish, environment, tell)
                finally:
                    await asyncio.gather(*(client.leave() for client in clients))


async def _served(
    clients: Sequence[LoadClient], wish: Wish, environment: Environment, tell: Callable[[int], None]
) -> Outcome:
    failures: Counter[str] = Counter()
    answers: list[Answered] = []

    async def succeeds(step: Awaitable[None]) -> bool:
        try:
            await step
        except ScenarioStopped as failed:
            failures[_TOKEN.sub("…", str(failed))] += 1
            tell(1)
            return False
        return True

    async def ask(client: LoadClient) -> None:
        for _ in range(wish.requests):
            answers.append(await client.ask())
        tell(1)

    entered = await asyncio.gather(*(succeeds(client.enter()) for client in clients))
    inside = [client for client, there in zip(clients, entered, strict=True) if there]
    began = time.monotonic()
    await asyncio.gather(*(succeeds(ask(client)) for client in inside))
    return Outcome(
        profile=environment.manifest.profile,
        target=environment.instance.url,
        wish=wish,
        answers=answers,
        failures=failures,
        seconds=time.monotonic() - began,
    )
