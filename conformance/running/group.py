"""A group: the scenarios that share one instance, played side by side next to a canary.

The group ends early when the daemon stops. What had ended before the last answered
canary keeps its Result. What was red since then, and what ran, may be the daemon's
stop alone: these are the suspects, to be played by themselves. A gate looks at the
first scenarios: where all of them fail alike, the others would repeat it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from conformance.core.result import Result, Setback, Verdict
from conformance.running.canary import Canary
from conformance.running.limits import Limits
from conformance.running.selection import Case

GATE = 5
"""How many of the first scenarios the gate looks at. They judge plain exchanges."""


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario that has ended."""

    case: Case
    result: Result
    late: float
    """By how many seconds the machine was late, where that may be why the result is red."""
    began: float
    """When, by the monotonic clock."""
    ended: float


@dataclass(frozen=True, slots=True)
class Stop:
    """How and when a group ended early."""

    setback: Setback
    how: str
    """Words that follow the daemon's name."""
    ran: tuple[Case, ...]
    """What ran, or ended just before."""
    suspects: tuple[Case, ...]
    """Those of them that are to be played again."""
    waiting: tuple[Case, ...]
    """What had not begun."""
    answered: bool
    """Whether the daemon had passed a scenario or answered the canary as it must."""


class Group:
    """Plays cases on one instance until all have ended or the daemon stops."""

    def __init__(
        self,
        cases: Sequence[Case],
        play: Callable[[Case], Awaitable[Played]],
        publish: Callable[[Played], None],
        *,
        canary: Canary,
        limits: Limits,
        gate: Sequence[Case],
        keep_going: bool,
    ) -> None:
        """gate: the first scenarios, if the gate looks at them. keep_going: see Settings."""
        self._cases, self._play, self._publish = cases, play, publish
        self._canary, self._limits = canary, limits
        self._keep_going = keep_going
        self._gate = () if keep_going else gate
        self._waiting = {case.id: case for case in cases}
        self._running: dict[str, tuple[Case, float]] = {}
        self._held: list[Played] = []
        self._confirmed: dict[str, Played] = {}
        self._passed = False
        self._changed = asyncio.Event()

    async def run(self) -> Stop | None:
        """Play; return how the group ended early, or None."""
        watching = asyncio.create_task(self._canary.watch(self._confirm))
        tasks = [asyncio.create_task(self._in_slot(case)) for case in self._cases]
        try:
            while self._waiting or self._running or self._held or self._confirmed:
                changed = asyncio.create_task(self._changed.wait())
                parts = {changed} if self._keep_going else {changed, watching}
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                self._changed.clear()
                if watching.done() and not self._keep_going:
                    return self._stopped(*watching.result())
                for task in tasks:
                    if task.done():
                        task.result()
                if alike := self._alike():
                    return self._stopped(Setback.ALIKE, alike)
            return None
        finally:
            watching.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(watching, *tasks, return_exceptions=True)

    def hold(self, played: Played) -> None:
        """Take a scenario that has ended; it is published when the canary is answered again."""
        if self._keep_going:
            self._publish(played)
        else:
            self._held.append(played)

    async def _in_slot(self, case: Case) -> None:
        try:
            async with self._limits.shared():
                self._running[case.id] = self._waiting.pop(case.id), time.monotonic()
                self.hold(await self._play(case))
                del self._running[case.id]
        finally:
            self._changed.set()
        if not self._waiting and not self._running:
            self._canary.hurry()

    def _confirm(self, moment: float) -> None:
        """Take what had ended at this moment as judged: the daemon has answered since then."""
        for played in self._held:
            if played.ended <= moment:
                self._confirmed[played.case.id] = played
                self._passed |= played.result.verdict is Verdict.PASS
        self._held = [played for played in self._held if played.ended > moment]
        if self._gate and all(case.id in self._confirmed for case in self._gate):
            first = [self._confirmed[case.id].result for case in self._gate]
            if not _alike(first):
                self._gate = ()
        if not self._gate:
            for played in self._confirmed.values():
                self._publish(played)
            self._confirmed.clear()
        self._changed.set()

    def _alike(self) -> str:
        """How the first scenarios failed, where the gate has seen that they fail alike."""
        if not self._gate or any(case.id not in self._confirmed for case in self._gate):
            return ""
        failed = self._confirmed[self._gate[0].id].result.failures[0]
        return (
            f"fails the first {len(self._gate)} scenarios alike: {failed.check} expected "
            f"{failed.expected}; found {failed.actual}"
        )

    def _stopped(self, setback: Setback, how: str) -> Stop:
        """What is known of the stop; publishes all that it does not put in question."""
        self._gate = self._gate if setback is Setback.ALIKE else ()
        moment = self._canary.asked if setback is Setback.STOPPED else time.monotonic()
        red = [played for played in self._held if played.result.verdict.red]
        in_question = [*self._running.values(), *((played.case, played.began) for played in red)]
        ended = tuple(played.case for played in self._held if played.began <= moment)
        suspects = tuple(case for case, began in in_question if began <= moment)
        waiting = tuple(case for case, began in in_question if began > moment)
        waiting += tuple(self._waiting.values())
        if not suspects:  # the stop must show in some result
            suspects, waiting = (ended, waiting) if ended else (waiting[:1], waiting[1:])
        open_again = {case.id for case in suspects + waiting}
        known = [*self._confirmed.values(), *self._held]
        if self._gate:
            known = [self._confirmed[case.id] for case in self._gate]
        for played in known:
            if played.case.id not in open_again:
                self._publish(played)
        self._passed |= any(played.result.verdict is Verdict.PASS for played in self._held)
        return Stop(
            setback,
            how,
            ran=tuple({case.id: case for case in ended + suspects}.values()),
            suspects=suspects,
            waiting=waiting,
            answered=self._passed or self._canary.right,
        )


def _alike(results: Sequence[Result]) -> bool:
    """Whether all of them fail, by the same check first."""
    first = {
        (result.failures[0].check, result.failures[0].clause)
        for result in results
        if result.verdict is Verdict.FAIL
    }
    return len(first) == 1 and all(result.verdict is Verdict.FAIL for result in results)
