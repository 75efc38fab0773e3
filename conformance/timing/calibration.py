"""Calibration: how fast and how noisy this machine is now.

A bound in a scenario ("ended within 2 s") is written for a calm machine. Before it
judges, the suite measures itself for 50 ms: how late its event loop wakes from a
sleep, how long two tasks take to pass a byte to and fro over a socket pair, and how
much longer than its processor time a computation takes. The first shows stolen time,
the second a slow machine. The third shows other processes that compute: a scheduler
favours sleepers, so only a computation notices them. Any of them above the value of a
calm machine stretches every bound by that ratio. The ratio is at least 1 and at most
LARGEST: a slower machine cannot judge.
"""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import asdict, dataclass
from statistics import median, quantiles

CALM_LATENESS = 0.003
"""Seconds. Idle virtual machines of one and two cores wake a sleeper 0.1 to 1.5 ms late, nine
times out of ten; a time slice lost to another process costs 3 ms and more."""

CALM_ROUND_TRIP = 0.0005
"""Seconds. asyncio passes a byte to and fro in 0.06 to 0.25 ms on the same machines."""

CALM_CONTENTION = 1.5
"""Wall time over processor time. Alone on a core it is 1.0; interrupts and a neighbour's short
work were seen to make it 1.3; two processes that share a core have 2."""

LARGEST = 8.0

_SLEEPS = 15
_ROUND_TRIPS = 50
_COMPUTED = 0.008
"""Seconds of processor time. A computation that fits into a scheduler's time slice (3 ms) would
not notice other processes."""
_BUDGET = 0.020
"""Seconds for each of the three measurements."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """One measurement; times in seconds."""

    lateness: float
    """How late a sleeper woke, nine times out of ten at most."""
    round_trip: float
    """The median time for a byte to and fro between two tasks."""
    contention: float
    """How many times its processor time a computation took."""

    @property
    def scale(self) -> float:
        """What to multiply a time bound with: 1.0 on a calm machine, LARGEST at most."""
        ratio = max(
            self.lateness / CALM_LATENESS,
            self.round_trip / CALM_ROUND_TRIP,
            self.contention / CALM_CONTENTION,
        )
        return min(max(ratio, 1.0), LARGEST)

    def to_json(self) -> dict[str, float]:
        """The measurement and its scale, as JSON types."""
        return {**asdict(self), "scale": self.scale}


CALM = Calibration(lateness=0.0, round_trip=0.0, contention=1.0)
"""A machine on which every bound holds as written."""


async def calibrate() -> Calibration:
    """Measure, on the running event loop; takes at most 60 ms on a machine that keeps up."""
    return Calibration(
        lateness=await _lateness(), round_trip=await _round_trip(), contention=_contention()
    )


async def _lateness() -> float:
    late: list[float] = []
    end = time.monotonic() + _BUDGET
    while len(late) < _SLEEPS and (not late or time.monotonic() < end):
        began = time.monotonic()
        await asyncio.sleep(0.001)
        late.append(max(time.monotonic() - began - 0.001, 0.0))
    return quantiles(late, n=10, method="inclusive")[-1] if len(late) > 1 else late[0]


async def _round_trip() -> float:
    loop = asyncio.get_running_loop()
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        there.setblocking(False)

        async def echo() -> None:
            while data := await loop.sock_recv(there, 1):
                await loop.sock_sendall(there, data)

        echoing = asyncio.create_task(echo())
        taken: list[float] = []
        end = time.monotonic() + _BUDGET
        while len(taken) < _ROUND_TRIPS and (not taken or time.monotonic() < end):
            sent = time.monotonic()
            await loop.sock_sendall(here, b".")
            await loop.sock_recv(here, 1)
            taken.append(time.monotonic() - sent)
        here.shutdown(socket.SHUT_WR)
        await echoing
    return median(taken)


def _contention() -> float:
    began, computed = time.monotonic(), time.thread_time()
    while True:
        wall, processor = time.monotonic() - began, time.thread_time() - computed
        if processor >= _COMPUTED or wall >= _BUDGET:
            return wall / processor
