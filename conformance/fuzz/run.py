"""The fuzzer: draw a stream, let every daemon relay it, compare, reduce.

hypothesis draws and reduces on the calling thread. The daemons are started once, and
the clients run on an event loop of their own. A run consists of rounds, each with a
seed derived from the first, so that a seed repeats a run and the run ends on time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings

from conformance.core.result import FailedCheck
from conformance.core.scenario import Start
from conformance.daemon.build import build
from conformance.daemon.manifest import Manifest, missing
from conformance.fuzz.stream import Stream, streams
from conformance.mock.client import MockClient
from conformance.mock.process import MockServer
from conformance.profiles.environment import Environment
from conformance.profiles.registry import profile_named
from conformance.running.background import Background
from conformance.running.limits import STARTS, Limits
from conformance.running.play import play
from conformance.running.replay import scenario
from conformance.running.staging import Staging
from conformance.timing.calibration import calibrate

ROUND = 25
"""Streams drawn in a round: a second's work, so that a run ends on time."""


class Disagreement(Exception):  # noqa: N818, it is what the fuzzer looks for
    """A daemon did not relay a stream."""

    def __init__(self, stream: Stream, failures: dict[str, tuple[FailedCheck, ...]]) -> None:
        super().__init__(", ".join(failures))
        self.stream = stream
        self.failures = failures
        """The failed checks, by `daemon/variant`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a run of the fuzzer."""

    streams: int
    """How many streams every daemon received."""
    disagreement: Disagreement | None
    """The smallest stream found that a daemon does not relay."""


def fuzz(
    manifests: Sequence[Manifest],
    *,
    variants: Sequence[str] = (),
    first_seed: int,
    seconds: float,
    tell: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Send random streams to the daemons for this many seconds, or until one disagrees.

    variants: the names of those that take part; all without one. tell: called with a line
    for each round. Raises DaemonError for a daemon that cannot be built or started.
    """
    with MockServer() as mock, Background() as loop:
        arena = loop.run(_Arena.open(manifests, variants, mock))
        try:
            return _rounds(arena, loop, first_seed=first_seed, seconds=seconds, tell=tell)
        finally:
            loop.run(arena.close())


def _rounds(
    arena: _Arena,
    loop: Background,
    *,
    first_seed: int,
    seconds: float,
    tell: Callable[[str], None],
) -> Outcome:
    end = time.monotonic() + seconds
    drawn = 0

    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    @given(streams())
    def relayed(stream: Stream) -> None:
        nonlocal drawn
        drawn += 1
        failures = loop.run(arena.relay(stream))
        if failures:
            raise Disagreement(stream, failures)

    number = first_seed
    while time.monotonic() < end:
        try:
            seed(number)(relayed)()
        except Disagreement as disagreement:
            tell(f"seed {number}: disagreement after {drawn} streams, reduced")
            return Outcome(drawn, disagreement)
        tell(f"seed {number}: {drawn} streams relayed by {len(arena.environments)} variants")
        number += 1
    return Outcome(drawn, None)


class _Arena:
    """All variants of all daemons, started and running next to each other."""

    def __init__(self, stack: AsyncExitStack, environments: dict[str, Environment]) -> None:
        self._stack = stack
        self.environments = environments
        """By `daemon/variant`."""

    @classmethod
    async def open(
        cls, manifests: Sequence[Manifest], variants: Sequence[str], mock: MockServer
    ) -> _Arena:
        """Start them. Raises DaemonError."""
        scale = (await calibrate()).scale
        limits = Limits(STARTS, scale)
        environments = {}
        async with AsyncExitStack() as stack:
            upstream = await stack.enter_async_context(MockClient.attach(mock.addresses))
            for manifest in manifests:
                if missing(manifest) is not None:
                    continue
                await build(manifest)
                for variant in manifest.variants:
                    if variants and variant.name not in variants:
                        continue
                    staging = Staging(manifest, variant, upstream, limits, scale=scale)
                    environment = await stack.enter_async_context(staging.environment(Start()))
                    environments[f"{manifest.name}/{variant.name}"] = environment
            return cls(stack.pop_all(), environments)

    async def close(self) -> None:
        """Stop them."""
        await self._stack.aclose()

    async def relay(self, stream: Stream) -> dict[str, tuple[FailedCheck, ...]]:
        """The failed checks by variant; empty where every daemon relayed the stream."""
        drawn = scenario("fuzz", texts=stream.texts, script=stream.script)
        played = await asyncio.gather(
            *(
                play(profile_named(environment.manifest.profile).bind(drawn), environment)
                for environment in self.environments.values()
            )
        )
        return {
            name: judgement.failures
            for name, judgement in zip(self.environments, played, strict=True)
            if judgement.failures
        }
