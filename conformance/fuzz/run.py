"""The fuzzer: draw a stream, have every daemon relay it, compare, reduce.

hypothesis draws and reduces on the calling thread; the daemons are started
once and played on an event loop of their own. Time is spent in rounds, each
with a seed derived from the first, so that a run is repeated by its seed and
ends soon after its time is up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings

from conformance.core.finding import Finding, ScenarioStopped
from conformance.daemon.build import build
from conformance.daemon.manifest import Manifest, missing
from conformance.daemon.process import DaemonProcess
from conformance.fuzz.stream import Stream, streams
from conformance.mock.client import MockClient
from conformance.mock.process import MockServer
from conformance.profiles.environment import Environment
from conformance.profiles.handoff.bench import HandoffBench
from conformance.running.replay import relays, scenario
from conformance.timing.calibration import calibrate

ROUND = 25
"""Streams drawn in a round: a second's work, so that a run's length can be kept."""

T = TypeVar("T")


class Disagreement(Exception):  # noqa: N818, it is the finding, not an error of the fuzzer
    """A daemon did not relay a stream."""

    def __init__(self, stream: Stream, failures: dict[str, tuple[Finding, ...]]) -> None:
        super().__init__(", ".join(failures))
        self.stream = stream
        self.failures = failures
        """By `daemon/variant`, what did not hold."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of the fuzzer came to."""

    streams: int
    """How many streams every daemon was given."""
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
    """Give random streams to the daemons for so long, or until one disagrees.

    All variants of each take part, or those of these names. Raises
    DaemonError for one that cannot be built or started.
    """
    with MockServer() as mock, _Loop() as loop:
        arena = loop.run(_Arena.open(manifests, variants, mock))
        try:
            return _rounds(arena, loop, first_seed=first_seed, seconds=seconds, tell=tell)
        finally:
            loop.run(arena.close())


def _rounds(
    arena: _Arena,
    loop: _Loop,
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
        except Disagreement as found:
            tell(f"seed {number}: disagreement after {drawn} streams, reduced")
            return Outcome(drawn, found)
        tell(f"seed {number}: {drawn} streams relayed by {len(arena.environments)} variants")
        number += 1
    return Outcome(drawn, None)


class _Arena:
    """All variants of all daemons, started, beside each other."""

    def __init__(self, stack: AsyncExitStack, environments: dict[str, Environment]) -> None:
        self._stack = stack
        self.environments = environments
        """By `daemon/variant`."""

    @classmethod
    async def open(
        cls, manifests: Sequence[Manifest], variants: Sequence[str], mock: MockServer
    ) -> _Arena:
        scale = (await calibrate()).scale
        stack = AsyncExitStack()
        environments = {}
        try:
            upstream = await stack.enter_async_context(MockClient.attach(mock.addresses))
            for manifest in manifests:
                if missing(manifest) is not None:
                    continue
                await build(manifest)
                for variant in manifest.variants:
                    if variants and variant.name not in variants:
                        continue
                    start = DaemonProcess.start(manifest, variant, upstream, scale=scale)
                    instance = await stack.enter_async_context(start)
                    environments[instance.name] = Environment(
                        instance, upstream, manifest, variant, scale
                    )
        except BaseException:
            await stack.aclose()
            raise
        return cls(stack, environments)

    async def close(self) -> None:
        await self._stack.aclose()

    async def relay(self, stream: Stream) -> dict[str, tuple[Finding, ...]]:
        """What did not hold, by variant; where all relayed the stream, nothing."""
        played = await asyncio.gather(*(_play(each, stream) for each in self.environments.values()))
        return {
            name: failures
            for name, failures in zip(self.environments, played, strict=True)
            if failures
        }


async def _play(environment: Environment, stream: Stream) -> tuple[Finding, ...]:
    bench = HandoffBench(scenario("fuzz", texts=stream.texts, script=stream.script), environment)
    try:
        relays(await bench.respond(script=stream.script), stream.texts)
    except ScenarioStopped:
        pass  # noted in the bench's failures
    finally:
        await bench.aclose()
    return bench.findings


class _Loop:
    """An event loop in a thread, to be asked from another."""

    def __enter__(self) -> _Loop:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fuzz", daemon=True)
        self._thread.start()
        return self

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end on the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
