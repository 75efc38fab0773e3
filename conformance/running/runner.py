"""Judge cases: start each daemon, play its scenarios side by side, produce Results.

A daemon's variant is one group. Its scenarios share one instance and run
concurrently on one event loop, so a group takes about as long as its longest
scenario. A scenario that is `alone` has an instance of its own, beside the
others; one that is `quiet` waits until the rest is done and then holds a lock
that keeps every other run of this user out. Whatever goes wrong with a
daemon costs its own cases and nobody else's, and each case gets exactly one
Result.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import time
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from conformance.core.result import FailedCheck, Result, Verdict
from conformance.core.scenario import Start
from conformance.daemon import proc
from conformance.daemon.build import build
from conformance.daemon.failures import DaemonError
from conformance.daemon.instance import Attached, Instance, Remote
from conformance.daemon.manifest import Manifest, Variant, missing
from conformance.daemon.process import DaemonProcess
from conformance.mock.addresses import Addresses
from conformance.mock.client import MockClient
from conformance.mock.failing_apis import addresses_of
from conformance.profiles.environment import SILENCE, Environment
from conformance.profiles.registry import profile_named
from conformance.running.limits import OWN_INSTANCES, START_TURN, STARTS, TURN, quiet, turn
from conformance.running.play import Judgement, play
from conformance.running.selection import Case
from conformance.running.verdicts import judged, result_of, state_of
from conformance.timing.calibration import Calibration, calibrate
from conformance.timing.loop_lag import TOO_MUCH, Pulse

TIMED = frozenset({"H7", "R7", "R8", "U5", "U6", "U7", "L2"})
"""The clauses that say by when: on a machine that stands still they cannot be judged."""

LONG = 2.0
"""Seconds: whatever is waited for under a clause that is not TIMED is waited for this long."""

SECOND_TRIES = 30.0
"""Seconds for all second tries of a variant: a daemon that hangs does not hang everywhere twice."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for a whole run."""

    addresses: Addresses
    """Where the run's mock API listens."""
    require: frozenset[str] = frozenset()
    """Daemons whose skipping is a failure."""
    deadline: float | None = None
    """Seconds that bound every scenario, instead of its own deadline."""
    silence: float = SILENCE
    """Seconds for which a model thinks that thinks for long."""
    second_tries: bool = True
    """Whether what a late suite could not judge is tried once more."""
    command: str = "conformance"
    """How the user calls this program; a red result's last line starts with it."""


class Runner:
    """Judges the cases of one variant of one daemon on the running event loop."""

    def __init__(
        self,
        settings: Settings,
        upstream: MockClient,
        calibration: Calibration,
        *,
        publish: Callable[[Result], None],
    ) -> None:
        self._settings = settings
        self._upstream = upstream
        self._scale = calibration.scale
        self._publish = publish
        self._own = asyncio.Semaphore(OWN_INSTANCES)
        self._starts = asyncio.Semaphore(STARTS)
        self._doubtful: dict[str, tuple[Case, Result]] = {}

    async def judge(self, cases: Sequence[Case]) -> None:
        """Publish one Result for each case, as soon as it is found."""
        manifest, variant = cases[0].manifest, cases[0].variant
        lacking = missing(manifest)
        if lacking is not None:
            for case in cases:
                self._skip(case, lacking)
            return
        applicable = [case for case in cases if not self._inapplicable(case)]
        together = [case for case in applicable if not case.scenario.quiet]
        try:
            await build(manifest)
        except DaemonError as error:
            for case in applicable:
                self._blame(case, "builds", error)
            return
        shared = [each for each in together if not each.scenario.alone]
        async with Pulse.beating() as self._pulse:
            await asyncio.gather(
                self._shared(manifest, variant, shared),
                *(self._beside(each) for each in together if each.scenario.alone),
            )
            for case in applicable:
                if case.scenario.quiet:
                    async with quiet():
                        await self._alone(case)
            await self._try_again()

    async def _shared(self, manifest: Manifest, variant: Variant, cases: Sequence[Case]) -> None:
        """Judge the cases side by side on one instance."""
        if not cases:
            return
        turns = asyncio.Semaphore(profile_named(manifest.profile).concurrency)
        try:
            async with self._environment(manifest, variant, Start()) as environment:

                async def play_in_turn(case: Case) -> None:
                    async with turn(turns, TURN * self._scale):
                        await self._play(case, environment)

                await asyncio.gather(*map(play_in_turn, cases))
        except DaemonError as error:
            for case in cases:
                self._blame(case, "starts", error)

    async def _beside(self, case: Case) -> None:
        """Judge the case on an instance of its own when it is its turn, beside others."""
        async with turn(self._own, TURN * self._scale):
            await self._alone(case)

    async def _alone(self, case: Case) -> None:
        """Judge the case on an instance of its own."""
        try:
            async with self._environment(
                case.manifest, case.variant, case.scenario.start
            ) as environment:
                await self._play(case, environment)
        except DaemonError as error:
            self._blame(case, "starts", error)

    @asynccontextmanager
    async def _environment(
        self, manifest: Manifest, variant: Variant, how: Start
    ) -> AsyncIterator[Environment]:
        async with self._instance(manifest, variant, how) as instance:
            yield Environment(
                instance=instance,
                upstream=self._upstream,
                manifest=manifest,
                variant=variant,
                scale=self._scale,
                silence=self._settings.silence,
            )

    @asynccontextmanager
    async def _instance(
        self, manifest: Manifest, variant: Variant, how: Start
    ) -> AsyncIterator[Instance]:
        if manifest.served is not None:
            if manifest.served.api_key:
                await self._upstream.register_key(manifest.name, manifest.served.api_key)
            if manifest.served.socket is None:
                yield Remote(manifest.served.url)
            else:
                yield Attached(manifest.served.socket)
        else:
            async with AsyncExitStack() as stack:
                async with turn(self._starts, START_TURN * self._scale):
                    addresses = await stack.enter_async_context(
                        addresses_of(how.api, self._upstream.addresses)
                    )
                    instance = await stack.enter_async_context(
                        DaemonProcess.start(
                            manifest,
                            variant,
                            self._upstream,
                            options=self._stretched(how.options),
                            env=how.env,
                            nofile=how.nofile,
                            addresses=addresses,
                            scale=self._scale,
                        )
                    )
                yield instance

    def _stretched(self, options: Mapping[str, str]) -> dict[str, str]:
        """The wishes, with time bounds stretched as everything else is on this machine."""
        return {
            name: f"{float(value) * self._scale:g}" if name.endswith("_timeout") else value
            for name, value in options.items()
        }

    async def _try_again(self) -> None:
        """Judge what the late suite could not judge: one by one, when all else is done."""
        if not self._doubtful:
            return
        self._scale = max(self._scale, (await calibrate()).scale)
        end = time.monotonic() + SECOND_TRIES * self._scale
        for case, found in tuple(self._doubtful.values()):
            if time.monotonic() < end:
                await self._alone(case)
            else:
                why = f"{found.reason}, and second tries of others have taken {SECOND_TRIES:g} s"
                self._finish(case, replace(found, verdict=Verdict.ERROR, reason=why))

    async def _play(self, case: Case, environment: Environment) -> None:
        """Play the scenario within its deadline and turn what was found into a Result.

        Where only time may have decided, and the suite or the daemon was late, the case
        is doubtful: it has one more try when the others are done.
        """
        scenario = case.scenario
        if self._settings.deadline is not None:
            scenario = replace(scenario, deadline=self._settings.deadline)
        began, lost, starved = time.monotonic(), self._pulse.lost, _starved(environment.instance)
        try:
            judgement = await play(scenario, environment)
        except Exception:  # a defect of the suite: shown as one, and it ends nobody else's case
            result = replace(
                result_of(case, Verdict.ERROR, reason="the suite itself broke in this scenario"),
                evidence=traceback.format_exc(),
            )
        else:
            result = judged(case, judgement)
        result = replace(result, duration=time.monotonic() - began)
        lost = max(self._pulse.lost - lost, _starved(environment.instance) - starved)
        late = self._late(result, began, lost)
        if result.verdict.red:
            result = replace(result, evidence=result.evidence + state_of(environment.instance))
        _, before = self._doubtful.get(case.id, (case, None))
        if late and self._settings.second_tries:
            again = "tried twice" if before else "tried once"
            why = f"inconclusive: {again}, and the machine was {late:.2f} s late"
            result = replace(result, reason=why)
            if before is None:
                self._doubtful[case.id] = case, result
                return
            result = replace(result, verdict=Verdict.ERROR)
        elif before is not None and not result.reason:
            result = replace(result, reason=f"second try; the first was {before.reason}")
        self._finish(case, result)

    def _late(self, result: Result, began: float, lost: float) -> float:
        """By how many seconds the machine was late where it may be why the result is red, else 0.

        A bound in time is missed by one late beat. What was waited for in vain
        for LONG may have been missed where the suite, or the daemon, had to wait
        a little for a processor again and again: `lost` is the sum.
        """
        late = self._pulse.latest_since(began)
        if late and result.failures and {each.clause for each in result.failures} <= TIMED:
            return late
        waited = result.duration >= LONG and lost >= TOO_MUCH * result.duration
        return lost if result.verdict.red and waited else 0.0

    def _inapplicable(self, case: Case) -> bool:
        """Skip a case that this daemon, as its manifest describes it, cannot be asked."""
        manifest, scenario = case.manifest, case.scenario
        lacks = [
            _NEEDED.get(need, need)
            for need in scenario.needs
            if not manifest.declares(need, case.variant)
        ]
        lacks += [
            f"a way to pass on {wish}" for wish in manifest.inexpressible(scenario.start.options)
        ]
        if manifest.served is not None and scenario.alone:
            lacks.append("a daemon that the suite may start and stop")
        if lacks:
            self._finish(
                case,
                result_of(case, Verdict.SKIP, reason=f"not applicable: lacks {', '.join(lacks)}"),
            )
        return bool(lacks)

    def _skip(self, case: Case, reason: str) -> None:
        """Skip what cannot run here; whoever required the daemon gets a failure instead."""
        if case.manifest.name in self._settings.require:
            self._blame(case, "required", DaemonError(reason))
        else:
            self._finish(case, result_of(case, Verdict.SKIP, reason=reason))

    def _blame(self, case: Case, check: str, error: DaemonError) -> None:
        """Fail a case whose daemon cannot be judged at all."""
        served = profile_named(case.scenario.profile).clauses[0]
        failed = FailedCheck(
            check=check,
            clause=served.id,
            level=served.level.value,
            expected=_WANTED[check],
            actual=error.message,
            where=f"{case.manifest.name}/{case.variant.name}",
        )
        self._finish(case, judged(case, Judgement((failed,), error.log)))

    def _finish(self, case: Case, result: Result) -> None:
        if result.verdict.red or result.verdict is Verdict.WARN:
            result = replace(result, repeat=self._repeat(case))
        self._publish(result)

    def _repeat(self, case: Case) -> str:
        words = [
            *shlex.split(self._settings.command),
            "run",
            *self._where(case.manifest),
        ]
        words += ["--variant", case.variant.name, "--scenario", case.scenario.name]
        if self._settings.silence != SILENCE:
            words += ["--silence", f"{self._settings.silence:g}"]
        return shlex.join(words)

    def _where(self, manifest: Manifest) -> list[str]:
        if manifest.served is not None and manifest.served.url:
            return ["--profile", manifest.profile, "--url", manifest.served.url]
        path = os.path.relpath(manifest.path)
        return ["--socket", path] if manifest.served else [path]


_NEEDED = {"mock": "the mock API as its model"}
"""Needs by other names than those of capabilities."""

_WANTED = {
    "builds": "the daemon can be built",
    "starts": "the daemon starts and accepts on its socket",
    "required": "the daemon can be judged, because it is required",
}


def _starved(instance: Instance) -> float:
    """How long the daemon has waited for a processor; 0 where that cannot be seen."""
    return proc.starved(instance.pid) if instance.pid is not None else 0.0
