"""Judge the cases of one variant of one daemon, and publish a Result for each.

The scenarios share one instance and run concurrently on one event loop, so a
group takes about as long as its longest scenario. A scenario that is `alone` has an
instance of its own next to the shared one. A scenario that is `quiet` waits until the
others are done; it then holds a lock that keeps this user's other runs out. A daemon
that cannot be judged costs only its own cases: one set-up error says why. If the shared
instance stops, the rest is judged on a fresh one, and what ran at the time by itself.
Each case gets exactly one Result.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from conformance.core.record import pack, with_log
from conformance.core.result import Result, Setback, SetupError, Verdict
from conformance.core.scenario import Start
from conformance.daemon.build import build
from conformance.daemon.failures import DaemonError
from conformance.daemon.manifest import missing
from conformance.daemon.process import DaemonProcess
from conformance.mock.client import MockClient
from conformance.profiles.environment import Environment
from conformance.profiles.registry import profile_named
from conformance.running import retries, verdicts
from conformance.running.canary import Canary
from conformance.running.first_probe import probed
from conformance.running.group import GATE, Group, Played, Stop
from conformance.running.lateness import Lateness
from conformance.running.limits import Limits, quiet
from conformance.running.play import play
from conformance.running.retries import Retries
from conformance.running.selection import Case
from conformance.running.settings import Settings
from conformance.running.staging import Staging
from conformance.running.stops import SUSPECTS, Stops
from conformance.timing.calibration import Calibration, calibrate
from conformance.timing.loop_lag import LoopLag

HASTE = 0.3
"""Seconds that a daemon that has stopped answering gets to obey SIGTERM."""


class Runner:
    """Judges the cases of one variant of one daemon on the running event loop."""

    def __init__(
        self,
        settings: Settings,
        upstream: MockClient,
        calibration: Calibration,
        *,
        publish: Callable[[Result], None],
        began: Callable[[Case], None] = lambda case: None,
        notify: Callable[[str], None] = lambda notice: None,
    ) -> None:
        self._settings, self._upstream = settings, upstream
        self._scale = calibration.scale
        self._publish, self._began, self._notify = publish, began, notify
        self._retries = Retries(enabled=settings.second_tries)
        self._open: dict[str, Case] = {}
        self._suspects: list[Case] = []
        self._left: dict[str, str] = {}
        self._broken: SetupError | None = None
        self._shares = False
        self._red: list[Played] = []
        self._group: Group | None = None
        self._canary: Canary | None = None
        self._parts: list[asyncio.Task[None]] = []

    async def judge(self, cases: Sequence[Case]) -> None:
        """Publish one Result for each case, as soon as it is known."""
        unwired: DaemonError | None = None
        try:
            cases = await probed(cases, self._upstream, scale=self._scale, notify=self._notify)
        except DaemonError as error:
            unwired = error
        lacking = missing(cases[0].manifest)
        if lacking is not None:
            for case in cases:
                self._finish(case, verdicts.skipped(case, lacking))
            return
        applicable = []
        for case in cases:
            skip = verdicts.inapplicable(case)
            if skip is None:
                applicable.append(case)
            else:
                self._publish(skip)
        if not applicable:
            return
        setback = Setback.NOT_STARTED
        try:
            if unwired is not None:
                raise unwired
            setback = Setback.NOT_BUILT
            await build(cases[0].manifest)
        except DaemonError as error:
            broken = verdicts.setup_error(cases[0], setback, error)
            for case in applicable:
                self._finish(case, verdicts.not_judged(case, broken))
            return
        await self._judge(applicable)

    async def _judge(self, cases: Sequence[Case]) -> None:
        """Judge the cases of a daemon that has been built."""
        manifest, variant = cases[0].manifest, cases[0].variant
        self._profile = profile_named(manifest.profile)
        self._limits = Limits(self._profile.concurrency, self._scale, slot_time=self._profile.slot)
        self._staging = Staging(
            manifest,
            variant,
            self._upstream,
            self._limits,
            scale=self._scale,
            silence=self._settings.silence,
        )
        self._open = {case.id: case for case in cases}
        self._stops = Stops(cases[0])
        loud = [case for case in cases if not case.scenario.quiet]
        async with LoopLag.measured() as self._lag:
            await self._until_broken(
                self._shared([case for case in loud if not case.scenario.alone]),
                *(self._own(case) for case in loud if case.scenario.alone),
            )
            if self._stops.retried:
                end = time.monotonic() + SUSPECTS * self._scale
                await asyncio.gather(*(self._suspect(case, end) for case in self._suspects))
            for case in cases:
                if case.scenario.quiet and self._goes_on:
                    async with quiet():
                        await self._alone(case)
            if self._goes_on:
                await self._try_again()
        for case in tuple(self._open.values()):
            self._finish(
                case,
                verdicts.not_judged(case, self._setup_error, reason=self._left.get(case.id, "")),
            )

    @property
    def _goes_on(self) -> bool:
        """Whether the daemon is judged further."""
        return self._broken is None and not self._stops.final

    @property
    def _setup_error(self) -> SetupError:
        return self._broken or self._stops.error()

    async def _until_broken(self, *parts: Coroutine[Any, Any, None]) -> None:
        """Run these side by side, until the daemon turns out to be broken."""
        self._parts = [asyncio.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(self._parts, return_when=asyncio.FIRST_EXCEPTION)
            for part in done:
                if not part.cancelled():
                    part.result()
        finally:
            self._give_up()
            await asyncio.gather(*self._parts, return_exceptions=True)

    def _give_up(self) -> None:
        """End all that is being judged; it stays without a verdict."""
        for part in self._parts:
            if part is not asyncio.current_task():
                part.cancel()

    async def _shared(self, cases: Sequence[Case]) -> None:
        """Judge the cases next to each other on one instance, and on a fresh one if that stops."""
        self._shares = bool(cases)
        while cases and self._goes_on:
            try:
                async with self._staging.environment(Start()) as environment:
                    stop = await self._side_by_side(cases, environment)
                    if stop is None:
                        break
                    if isinstance(environment.instance, DaemonProcess):
                        await environment.instance.stop(HASTE)
                    self._stops.add(stop, environment.instance.log_tail(verdicts.LOG_LINES))
            except DaemonError as error:
                self._break(cases[0], error)
                break
            self._suspects += stop.suspects
            cases = stop.waiting
        self._shares = False
        if not self._goes_on:
            self._give_up()
            return
        for played in self._red:
            self._settle(played)

    async def _side_by_side(self, cases: Sequence[Case], environment: Environment) -> Stop | None:
        """Play the cases on this instance; return how it stopped, or None."""

        async def play(case: Case) -> Played:
            return await self._play(case, environment)

        self._canary = Canary(self._profile, environment, self._lag)
        self._group = Group(
            cases,
            play,
            self._settle,
            canary=self._canary,
            limits=self._limits,
            gate=() if self._suspects else self._gate(cases),
            keep_going=self._settings.keep_going,
        )
        self._hold_red()
        try:
            return await self._group.run()
        finally:
            self._group = None

    def _gate(self, cases: Sequence[Case]) -> Sequence[Case]:
        """The first scenarios of the profile's first category, where all of them are selected."""
        first = self._profile.scenarios[0].category
        gate = [case for case in cases[:GATE] if case.scenario.category == first]
        return gate if len(gate) == GATE else ()

    async def _own(self, case: Case) -> None:
        """Judge the case on an instance of its own, when there is a slot for it."""
        async with self._limits.own():
            await self._alone(case)

    async def _alone(self, case: Case) -> None:
        """Judge the case on an instance of its own, now."""
        try:
            played = await self._on_own(case)
        except DaemonError as error:
            if case.scenario.start == Start():
                self._break(case, error)
                self._give_up()
            else:
                self._finish(case, verdicts.not_started(case, error))
            return
        if self._shares and played.result.verdict.red:
            self._red.append(played)
            self._hold_red()
        else:
            self._settle(played)

    def _hold_red(self) -> None:
        """Let the running group's canary decide which red results are the daemon's stop."""
        while self._group is not None and self._red:
            self._group.hold(self._red.pop())

    async def _on_own(self, case: Case) -> Played:
        async with self._staging.environment(case.scenario.start) as environment:
            return await self._play(case, environment)

    async def _suspect(self, case: Case, end: float) -> None:
        """Judge a case by itself that ran when the daemon stopped; a pass explains nothing."""
        async with self._limits.own():
            if time.monotonic() > end:
                self._left[case.id] = "no time was left to play it by itself"
                return
            try:
                played = await self._on_own(case)
            except DaemonError:
                return
        if played.result.verdict in (Verdict.PASS, Verdict.WARN):
            self._left[case.id] = "it ran when the daemon stopped; by itself it passes"
        else:
            self._settle(played)

    def _break(self, case: Case, error: DaemonError) -> None:
        """The daemon does not start: nothing else is judged."""
        self._broken = verdicts.setup_error(case, Setback.NOT_STARTED, error)

    async def _try_again(self) -> None:
        """Retry what the late machine could not judge, one by one, when all else is done."""
        if not self._retries:
            return
        self._staging.scale = max(self._scale, (await calibrate()).scale)
        end = time.monotonic() + retries.SECOND_TRIES * self._staging.scale
        for case, result in self._retries:
            if time.monotonic() < end:
                await self._alone(case)
            else:
                self._finish(case, retries.unretried(result))

    async def _play(self, case: Case, environment: Environment) -> Played:
        """Play the scenario within its deadline."""
        self._began(case)
        scenario = case.scenario
        if self._settings.deadline is not None:
            scenario = replace(scenario, deadline=self._settings.deadline)
        logged = environment.instance.log_mark()
        records = self._settings.records
        watch = Lateness(self._lag, environment.instance)
        timeless = False
        try:
            judgement = await play(scenario, environment, recorded=records)
            result, timeless = verdicts.judged(case, judgement), judgement.timeless
            if judgement.record is not None:
                log = environment.instance.log_since(logged)
                result = replace(result, record=pack(with_log(judgement.record, log)))
        except Exception:
            result = verdicts.broken(case)
        result = replace(result, duration=watch.seconds)
        prompt = self._canary is not None and self._canary.prompt_since(watch.began)
        late = retries.late(result, watch, self._lag, prompt=prompt, timeless=timeless)
        if result.verdict.red:
            evidence = result.evidence + verdicts.state_of(environment.instance)
            result = replace(result, evidence=evidence)
        return Played(case, result, late, watch.began, time.monotonic())

    def _settle(self, played: Played) -> None:
        """Publish the Result unless it is retried."""
        settled = self._retries.settled(played.case, played.result, played.late)
        if settled is not None:
            self._finish(played.case, settled)

    def _finish(self, case: Case, result: Result) -> None:
        self._open.pop(case.id, None)
        result = verdicts.repeatable(case, self._settings, result)
        self._publish(verdicts.without_keys(case, result))
