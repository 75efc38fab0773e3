"""Pace: waits before the writes of a script, as a model that makes tokens one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from mock_api.language.answer import Pace
from mock_api.language.named import number
from mock_api.language.script import Script
from mock_api.language.steps import Jitter, Step, Unit, Wait, Write


def before_each(script: Script, pause: Callable[[int], Step | None]) -> Script:
    """A pause before each write, the first being number 0."""
    steps: list[Step] = []
    number = count()
    for step in script.steps:
        if isinstance(step, (Write, Unit)) and (step_before := pause(next(number))) is not None:
            steps.append(step_before)
        steps.append(step)
    return replace(script, steps=tuple(steps))


def paced(script: Script, pace: Pace) -> Script:
    """The script with this pace."""
    if pace == Pace():
        return script
    between = 1 / pace.rate if pace.rate else 0.0

    def pause(number: int) -> Step | None:
        least = between if number else pace.first
        if pace.jitter:
            return Jitter(least, least + pace.jitter, pace.seed)
        return Wait(least) if least else None

    return before_each(script, pause)


MOST_RATE = 1000
"""Tokens per second: the clock's resolution."""


def read_pace(text: str) -> Pace:
    """`RATE[,FIRST[,JITTER[,SEED]]]`; FIRST and JITTER in milliseconds. Raises ValueError."""
    values = [number(part) for part in text.split(",")]
    if len(values) > 4 or not 1 <= values[0] <= MOST_RATE:
        raise ValueError(
            f"a pace is RATE[,FIRST[,JITTER[,SEED]]], RATE from 1 to {MOST_RATE}, not {text[:80]!r}"
        )
    rate, first, jitter, seed = (*values, *(0, 0, 0, 1)[len(values) :])
    return Pace(rate, first / 1000, jitter / 1000, seed)
