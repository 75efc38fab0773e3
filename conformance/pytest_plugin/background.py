"""The Engine: judges cases in a thread of its own.

Its callers (pytest items) wait for one case after the other, and all that goes
on at once goes on here.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future

from conformance.core.result import Result, Verdict
from conformance.mock.client import MockClient
from conformance.running.runner import Runner, Settings
from conformance.running.selection import Case
from conformance.running.verdicts import result_of
from conformance.timing.calibration import calibrate


class Engine:
    """An event loop in a thread that judges cases and fulfils one Future for each."""

    def __init__(self, settings: Settings) -> None:
        self.calibration: dict[str, float] = {}
        """The last measurement of the machine's pace; see Calibration.to_json."""
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()
        self._running: list[Future[None]] = []

    def submit(self, cases: Sequence[Case]) -> dict[str, Future[Result]]:
        """Start judging; the Futures, by the cases' ids, never fail and are all fulfilled."""
        futures: dict[str, Future[Result]] = {case.id: Future() for case in cases}

        async def judge() -> None:
            calibration = await calibrate()
            self.calibration = calibration.to_json()
            async with MockClient.attach(self._settings.addresses) as upstream:
                await Runner(
                    self._settings,
                    upstream,
                    calibration,
                    publish=lambda result: futures[result.id].set_result(result),
                ).judge(cases)

        task = asyncio.run_coroutine_threadsafe(judge(), self._loop)
        task.add_done_callback(lambda done: _settle(cases, futures, done))
        self._running.append(task)
        return futures

    def close(self) -> None:
        """Cancel what still runs, stop every instance, end the thread."""
        for task in self._running:
            task.cancel()
        asyncio.run_coroutine_threadsafe(_drain(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _drain() -> None:
    """Wait until every cancelled task has cleaned up after itself."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


def _settle(cases: Iterable[Case], futures: dict[str, Future[Result]], done: Future[None]) -> None:
    """Give cases that were left without a result the reason why."""
    cause = "the run was stopped" if done.cancelled() else str(done.exception())
    for case in cases:
        if not futures[case.id].done():
            futures[case.id].set_result(
                result_of(case, Verdict.ERROR, reason=f"not judged: {cause}")
            )
