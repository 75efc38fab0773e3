"""The timer wheel."""

from __future__ import annotations

import asyncio
from time import monotonic

from mock_api.playing.timer_wheel import TimerWheel


class _Timed:
    def __init__(self, period: float, times: int) -> None:
        self.period = period
        self.left = times
        self.due = monotonic() + period
        self.late: list[float] = []
        self.done = asyncio.Event()

    def advance(self, now: float) -> float | None:
        assert now >= self.due, "before its time"
        while self.left and self.due <= now:
            self.late.append(now - self.due)
            self.due += self.period
            self.left -= 1
        if self.left:
            return self.due
        self.done.set()
        return None


def test_the_wheel_is_never_early_and_forgets_no_one() -> None:
    async def turn() -> list[_Timed]:
        wheel = TimerWheel()
        timed = [_Timed(0.0013 * (1 + number % 7), 10) for number in range(50)]
        for each in timed:
            wheel.add(each, each.due)
        for each in timed:
            await each.done.wait()
        return timed

    timed = asyncio.run(turn())
    assert all(len(each.late) == 10 for each in timed)


def test_the_wheel_turns_for_a_deadline_that_comes_before_the_others() -> None:
    async def turn() -> None:
        wheel = TimerWheel()
        late, soon = _Timed(60.0, 1), _Timed(0.001, 1)
        wheel.add(late, late.due)
        wheel.add(soon, soon.due)
        await soon.done.wait()
        assert late.left

    asyncio.run(asyncio.wait_for(turn(), 60))


def test_a_stream_that_fails_does_not_stop_the_wheel() -> None:
    class Broken:
        def advance(self, now: float) -> float | None:
            raise RuntimeError("broken")

    async def turn() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        wheel = TimerWheel()
        timed = _Timed(0.003, 3)
        wheel.add(Broken(), monotonic())
        wheel.add(timed, timed.due)
        await timed.done.wait()

    asyncio.run(asyncio.wait_for(turn(), 60))
