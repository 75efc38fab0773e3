"""Judge the cases of one variant of one daemon, and publish a Result for each.

The scenarios share one instance and run concurrently on one event loop, so a
group takes about as long as its longest scenario. A scenario that is `alone` has an
instance of its own next to the shared one. A scenario that is `quiet` waits until the
others are done; it then holds a lock that keeps this user's other runs out. A daemon
that cannot be judged costs only its own cases. Each case gets exactly one Result.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from conformance.core.record import pack, with_log
from conformance.core.result import Result
from conformance.core.scenario import Start
from conformance.daemon.build import build
from conformance.daemon.failures import DaemonError
from conformance.daemon.manifest import missing
from conformance.mock.client import MockClient
from conformance.profiles.environment import Environment
from conformance.profiles.registry import profile_named
from conformance.running import retries, verdicts
from conformance.running.first_probe import probed
from conformance.running.limits import Limits, quiet
from conformance.running.play import play
from conformance.running.retries import Retries, Watch
from conformance.running.selection import Case
from conformance.running.settings import Settings
from conformance.running.staging import Staging
from conformance.timing.calibration import Calibration, calibrate
from conformance.timing.loop_lag import LoopLag


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
        if unwired is not None:
            for case in applicable:
                self._finish(case, verdicts.refused(case, "starts", unwired))
            return
        try:
            await build(cases[0].manifest)
        except DaemonError as error:
            for case in applicable:
                self._finish(case, verdicts.refused(case, "builds", error))
            return
        await self._judge(applicable)

    async def _judge(self, cases: Sequence[Case]) -> None:
        """Judge the cases of a daemon that has been built."""
        if not cases:
            return
        manifest, variant = cases[0].manifest, cases[0].variant
        profile = profile_named(manifest.profile)
        self._limits = Limits(profile.concurrency, self._scale, slot_time=profile.slot)
        self._staging = Staging(
            manifest,
            variant,
            self._upstream,
            self._limits,
            scale=self._scale,
            silence=self._settings.silence,
        )
        loud = [case for case in cases if not case.scenario.quiet]
        async with LoopLag.measured() as self._lag:
            await asyncio.gather(
                self._shared([case for case in loud if not case.scenario.alone]),
                *(self._own(case) for case in loud if case.scenario.alone),
            )
            for case in cases:
                if case.scenario.quiet:
                    async with quiet():
                        await self._alone(case)
            await self._try_again()

    async def _shared(self, cases: Sequence[Case]) -> None:
        """Judge the cases next to each other on one instance."""
        if not cases:
            return
        try:
            async with self._staging.environment(Start()) as environment:

                async def play_in_slot(case: Case) -> None:
                    async with self._limits.shared():
                        await self._play(case, environment)

                await asyncio.gather(*map(play_in_slot, cases))
        except DaemonError as error:
            for case in cases:
                self._finish(case, verdicts.refused(case, "starts", error))

    async def _own(self, case: Case) -> None:
        """Judge the case on an instance of its own, when there is a slot for it."""
        async with self._limits.own():
            await self._alone(case)

    async def _alone(self, case: Case) -> None:
        """Judge the case on an instance of its own, now."""
        try:
            async with self._staging.environment(case.scenario.start) as environment:
                await self._play(case, environment)
        except DaemonError as error:
            self._finish(case, verdicts.refused(case, "starts", error))

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

    async def _play(self, case: Case, environment: Environment) -> None:
        """Play the scenario within its deadline; publish the Result unless it is retried."""
        self._began(case)
        scenario = case.scenario
        if self._settings.deadline is not None:
            scenario = replace(scenario, deadline=self._settings.deadline)
        watch = Watch(self._lag, environment.instance)
        logged = environment.instance.log_mark()
        records = self._settings.records
        try:
            judgement = await play(scenario, environment, recorded=records)
            result = verdicts.judged(case, judgement)
            if judgement.record is not None:
                log = environment.instance.log_since(logged)
                result = replace(result, record=pack(with_log(judgement.record, log)))
        except Exception:
            result = verdicts.broken(case)
        result = replace(result, duration=watch.duration)
        late = watch.late(result)
        if result.verdict.red:
            evidence = result.evidence + verdicts.state_of(environment.instance)
            result = replace(result, evidence=evidence)
        settled = self._retries.settled(case, result, late)
        if settled is not None:
            self._finish(case, settled)

    def _finish(self, case: Case, result: Result) -> None:
        result = verdicts.repeatable(case, self._settings, result)
        self._publish(verdicts.without_keys(case, result))
