"""How fast and how noisy this machine is, now.

A bound in a scenario ("ended within 2 s") is meant for a calm machine. Before
judging, the suite watches itself for some 50 ms: how late its event loop
wakes from a sleep, and how long two tasks take to pass a byte to and fro over
a socket pair. Either one far above what a calm machine shows says that the
processes here wait for a processor, and every bound is multiplied by that
ratio. The ratio is never below 1 and ends at LARGEST: a machine slower than
that cannot be judged on, however patient one is.
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

LARGEST = 8.0

_SLEEPS = 20
_ROUND_TRIPS = 50
_BUDGET = 0.025
"""Seconds for each of the two measurements."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """One measurement. Times in seconds."""

    lateness: float
    """How late a sleeper woke, nine times out of ten at most."""
    round_trip: float
    """The median time for a byte to and fro between two tasks."""

    @property
    def scale(self) -> float:
        """What to multiply a time bound with: 1.0 on a calm machine, LARGEST at most."""
        ratio = max(self.lateness / CALM_LATENESS, self.round_trip / CALM_ROUND_TRIP)
        return min(max(ratio, 1.0), LARGEST)

    def to_json(self) -> dict[str, float]:
        """The measurement and its scale, as JSON types."""
        return {**asdict(self), "scale": self.scale}

    @classmethod
    def from_json(cls, value: dict[str, float]) -> Calibration:
        """The inverse of to_json."""
        return cls(lateness=value["lateness"], round_trip=value["round_trip"])


CALM = Calibration(lateness=0.0, round_trip=0.0)
"""A machine on which every bound holds as written."""


async def calibrate() -> Calibration:
    """Measure, on the running event loop; takes at most 60 ms on a machine that keeps up."""
    return Calibration(lateness=await _lateness(), round_trip=await _round_trip())


async def _lateness() -> float:
    late: list[float] = []
    end = time.monotonic() + _BUDGET
    while len(late) < _SLEEPS and (not late or time.monotonic() < end):
        asked = time.monotonic()
        await asyncio.sleep(0.001)
        late.append(max(time.monotonic() - asked - 0.001, 0.0))
    return quantiles(late, n=10)[-1] if len(late) > 1 else late[0]


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
            asked = time.monotonic()
            await loop.sock_sendall(here, b".")
            await loop.sock_recv(here, 1)
            taken.append(time.monotonic() - asked)
        here.shutdown(socket.SHUT_WR)
        await echoing
    return median(taken)
