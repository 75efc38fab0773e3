"""A canary: a plain exchange that is repeated next to the scenarios of one instance.

While the canary is answered promptly, the machine keeps up, and a scenario that waits
for long waits for the daemon. If two exchanges are not answered, the daemon has stopped
answering. A process that ends is noticed at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from conformance.core.finding import ScenarioStopped
from conformance.core.result import Setback
from conformance.core.scenario import Scenario
from conformance.daemon.child import describe
from conformance.daemon.process import DaemonProcess
from conformance.profiles.base import Profile
from conformance.profiles.environment import Environment
from conformance.running.lateness import Lateness
from conformance.timing.loop_lag import LoopLag

INTERVAL = 0.25
"""Seconds between two exchanges."""

PROMPT = 0.5
"""Seconds on a calm machine within which a daemon answers that only has much to do."""

PATIENCE = 3.0
"""Seconds without an answer until the daemon has stopped answering. The time that the machine
takes from the suite and from the daemon is not counted."""

SLOWER = 2.0
"""By how much a slow machine stretches PATIENCE at most: what it takes is seen in other ways."""

MINUTE = 60.0
"""Seconds after which an open exchange is not a matter of time, whatever the machine does."""

LOOK = 0.05
"""Seconds between two looks at how late the machine was."""


class Canary:
    """The repeated exchange with one instance."""

    def __init__(self, profile: Profile, environment: Environment, lag: LoopLag) -> None:
        self._profile, self._environment, self._lag = profile, environment, lag
        self.answered: float | None = None
        """When the last answered exchange began; None before the first."""
        self._patience = PATIENCE * min(environment.scale, SLOWER)
        self.asked = 0.0
        """When the last exchange began."""
        self.right = False
        """Whether an exchange was answered as it must be."""
        self._slow = 0.0
        """When an exchange was last seen to take longer than PROMPT."""
        self._at_once = asyncio.Event()

    async def watch(self, answered: Callable[[float], None]) -> tuple[Setback, str]:
        """Return when the daemon stops: in which way, and how, as words that follow its name.

        answered: called after each answer, with the moment at which its exchange began.
        """
        ended = asyncio.create_task(self._ended())
        exchanges = asyncio.create_task(self._repeat(answered))
        try:
            await asyncio.wait({ended, exchanges}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return Setback.DIED, ended.result()
            exchanges.result()
            how = self._environment.instance.describe_exit()
            if how is not None:
                return Setback.DIED, how
            return Setback.STOPPED, f"did not answer a plain exchange within {self._patience:.2g} s"
        finally:
            ended.cancel()
            exchanges.cancel()
            await asyncio.gather(ended, exchanges, return_exceptions=True)

    def hurry(self) -> None:
        """Begin the next exchange now."""
        self._at_once.set()

    def prompt_since(self, moment: float) -> bool:
        """Whether every exchange since then was answered promptly, and the last one just now."""
        if self.answered is None or not self.answered >= moment > self._slow:
            return False
        return time.monotonic() - self.answered < 2 * PROMPT * self._environment.scale

    async def _ended(self) -> str:
        """Wait for the end of a process that the suite started; how it ended."""
        instance = self._environment.instance
        if isinstance(instance, DaemonProcess):
            return describe(await instance.ended())
        await asyncio.Event().wait()
        raise AssertionError

    async def _repeat(self, answered: Callable[[float], None]) -> None:
        while True:
            began = self.asked = time.monotonic()
            try:
                if not await self._is_answered():
                    return
                if time.monotonic() - began > PROMPT * self._environment.scale:
                    self._slow = time.monotonic()
                self.answered = began
            except NotImplementedError:
                pass  # a profile without a canary: only the process is watched
            answered(began)
            try:
                async with asyncio.timeout(INTERVAL):
                    await self._at_once.wait()
            except TimeoutError:
                pass
            self._at_once.clear()

    async def _is_answered(self) -> bool:
        """Whether an exchange is answered; a second one begins when the first takes long."""
        lateness = Lateness(self._lag, self._environment.instance)
        tasks = {asyncio.create_task(self._exchange())}
        try:
            while True:
                done, _ = await asyncio.wait(
                    tasks, timeout=LOOK, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    done.pop().result()
                    return True
                waited = lateness.seconds - lateness.lost
                if waited > self._patience or lateness.seconds > MINUTE:
                    return False
                if waited > self._patience / 2 and len(tasks) == 1:
                    tasks.add(asyncio.create_task(self._exchange()))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _exchange(self) -> None:
        scenario = Scenario(
            name="canary",
            category="canary",
            description="The daemon answers a plain exchange.",
            function=self._exchange,
            profile=self._profile.name,
            deadline=2 * MINUTE,
        )
        bench = self._profile.bench(scenario, self._environment)
        try:
            await bench.canary()
            self.right |= not bench.findings
        except (ScenarioStopped, ProcessLookupError):
            pass  # a refusal is an answer, and what is wrong with it is the scenarios' matter
        finally:
            await bench.aclose()
