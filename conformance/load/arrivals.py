"""When the requests of an open loop begin: at a given rate, whatever the answers do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The beginnings of requests."""

    rate: float
    """Requests a second."""
    duration: float
    """Seconds in which they begin."""
    poisson: bool = False
    """Whether the time between two is drawn by chance, exponentially, instead of constant."""
    seed: int = 1

    def __iter__(self) -> Iterator[float]:
        """Seconds from the start to each beginning."""
        chance = random.Random(self.seed)  # noqa: S311, the same for a seed
        at = 0.0
        for number in count(1):
            yield at
            at = at + chance.expovariate(self.rate) if self.poisson else number / self.rate
            if at >= self.duration:
                return
