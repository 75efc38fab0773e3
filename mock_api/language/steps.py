"""The steps of a script: what is sent, how it is framed, and when it leaves.

They say three separate things that a server usually mixes up:

  what is sent      Write, Fill: body; Raw: wire bytes of HTTP/1.1 that are no body
  how it is framed  each Write is one HTTP chunk or one DATA frame; a Unit makes
                    one of several steps, so that pauses can fall inside it
  when it leaves    Wait, Jitter, Gate, Cut, Stall; everything between two of them leaves
                    in one write to the socket

Repeat plays steps over and over and is never laid out as a whole: a body may be
endless. Frame, Goaway and Settings are what HTTP/2 can say beside a response, and
nothing to HTTP/1.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import count


@dataclass(frozen=True, slots=True)
class Write:
    """Body bytes that make up one HTTP chunk, or one DATA frame (or more, where it is too long)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Raw:
    """HTTP/1.1: bytes that go out as they are, and are no body. HTTP/2 has no place for them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """What follows leaves this many seconds after what came before was due."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Jitter:
    """A wait of any length between these, drawn anew for each, the same each time it is played."""

    least: float
    most: float
    seed: int
    """Jitters with the same seed draw from the same numbers, one after the other."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What follows leaves once the control API has opened this gate (they are counted from 1)."""

    number: int


@dataclass(frozen=True, slots=True)
class Cut:
    """What follows leaves at once, but in a write of its own."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing follows: the connection stays open, silent, until the client leaves."""


Inside = Write | Wait | Jitter | Gate | Cut
"""What a unit is made of."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One HTTP chunk, or one run of DATA, made of several steps: pauses fall inside it."""

    steps: tuple[Inside, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """HTTP/2: any frame, right or wrong."""

    type: int
    flags: int
    stream: int | None
    """None: the response's own."""
    payload: bytes


class Last(Enum):
    """Up to which stream a GOAWAY promises to answer (RFC 9113 6.8)."""

    THIS = "this"
    PREVIOUS = "previous"
    """This stream was not processed, and gets nothing more."""
    ALL = "all"
    """Every stream there could ever be: what a server says first that shuts down gracefully."""


@dataclass(frozen=True, slots=True)
class Goaway:
    """HTTP/2: GOAWAY. Later streams are ignored, and the connection ends with the last before."""

    last: Last | int
    code: int


@dataclass(frozen=True, slots=True)
class Settings:
    """HTTP/2: SETTINGS, which the mock keeps to itself once the client has acknowledged them."""

    values: tuple[tuple[int, int], ...]


Signal = Frame | Goaway | Settings


@dataclass(frozen=True, slots=True)
class Repeat:
    """The steps over and over."""

    steps: tuple[Step, ...]
    times: int | None
    """None: without end."""


Pause = Wait | Jitter | Gate | Cut | Stall
Played = Write | Raw | Signal | Pause | Unit
Step = Played | Repeat


def played(steps: tuple[Step, ...]) -> Iterator[Played]:
    """The steps in the order in which they are played, repeated ones one by one."""
    for step in steps:
        if isinstance(step, Repeat):
            for _ in count() if step.times is None else range(step.times):
                yield from played(step.steps)
        else:
            yield step


def body_size(steps: tuple[Step, ...]) -> int | None:
    """How many bytes of body the steps write, without playing them; None: endlessly many."""
    size = 0
    for step in steps:
        match step:
            case Write(data):
                size += len(data)
            case Unit(inner):
                size += sum(len(each.data) for each in inner if isinstance(each, Write))
            case Repeat(inner, times):
                once = body_size(inner)
                if times is None or once is None:
                    return None
                size += times * once
    return size


def spaced(writes: tuple[bytes, ...], *, delay: float) -> Iterator[Step]:
    """The writes, each `delay` seconds after the one before, the first after the head."""
    for data in writes:
        if delay:
            yield Wait(delay)
        yield Write(data)
