"""The steps of a script: what is sent, how it is framed, and when it leaves.

These are three separate things, which a server usually mixes up:

  what is sent      Write, Fill: body; Raw: bytes of HTTP/1.1 outside of the body
  how it is framed  each Write is one HTTP chunk or one DATA frame; a Unit makes
                    one of several steps, so that pauses can fall inside it
  when it leaves    Wait, Jitter, Gate, Cut, Stall; the steps between two of them leave
                    in one write to the socket

Repeat plays steps over and over and is never laid out as a whole: a body may be endless.
Frame, Goaway and Settings are frames that HTTP/2 can send outside of a response; HTTP/1.1
ignores them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, IntEnum
from itertools import count


@dataclass(frozen=True, slots=True)
class Write:
    """Body bytes of one HTTP chunk, or of one DATA frame (several if it is too long)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Raw:
    """HTTP/1.1: bytes outside of the body. HTTP/2 has no place for them and ignores them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """The steps after it are due this number of seconds after the steps before it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Jitter:
    """A wait between these lengths, drawn for each; the same ones each time the script plays."""

    least: float
    most: float
    seed: int
    """Jitters with the same seed draw from one sequence of numbers."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The steps after it leave once the control API has opened this gate (from 1)."""

    number: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The steps after it leave at once, but in a write of their own."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing follows; the connection stays open, silent, until the client leaves."""


Inside = Write | Wait | Jitter | Gate | Cut
"""The steps of a unit."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One HTTP chunk, or one run of DATA, made of several steps: pauses can fall inside it."""

    steps: tuple[Inside, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """HTTP/2: any frame, valid or not."""

    type: int
    flags: int
    stream: int | None
    """None: the response's own."""
    payload: bytes


class Last(Enum):
    """The last stream that a GOAWAY promises to answer (RFC 9113 6.8)."""

    THIS = "this"
    PREVIOUS = "previous"
    """This stream was not processed: the mock sends nothing more on it."""
    ALL = "all"
    """Every possible stream: the first GOAWAY of a graceful shutdown."""


@dataclass(frozen=True, slots=True)
class Goaway:
    """HTTP/2: GOAWAY. The mock ignores later streams; the connection ends after the others."""

    last: Last | int
    code: int


class Setting(IntEnum):
    """The names of settings (RFC 9113 6.5.2)."""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6


@dataclass(frozen=True, slots=True)
class Settings:
    """HTTP/2: SETTINGS. The mock follows them after the client acknowledges them."""

    values: tuple[tuple[int, int], ...]


Signal = Frame | Goaway | Settings


@dataclass(frozen=True, slots=True)
class Repeat:
    """The steps over and over."""

    steps: tuple[Step, ...]
    times: int | None
    """None: without end."""


FILL = 64 * 1024
"""About how many bytes of a Fill are one write."""


@dataclass(frozen=True, slots=True, init=False)
class Fill(Repeat):
    """A text over and over, `size` bytes in all, in writes of about 64 KiB."""

    text: bytes
    size: int

    def __init__(self, text: bytes, size: int) -> None:
        """Raises ValueError for an empty text."""
        if not text:
            raise ValueError("expected a text to fill with, found an empty one")
        block = text * max(1, FILL // len(text))
        rest = (text * (size % len(block) // len(text) + 1))[: size % len(block)]
        steps = (Repeat((Write(block),), size // len(block)), Write(rest))
        values = {"steps": steps, "times": 1, "text": text, "size": size}
        for name, value in values.items():
            object.__setattr__(self, name, value)


Pause = Wait | Jitter | Gate | Cut | Stall
Played = Write | Raw | Signal | Pause | Unit
Step = Played | Repeat


def played(steps: tuple[Step, ...]) -> Iterator[Played]:
    """The steps in the order in which they are played; a Repeat yields its steps each time."""
    for step in steps:
        if isinstance(step, Repeat):
            for _ in count() if step.times is None else range(step.times):
                yield from played(step.steps)
        else:
            yield step


def body_size(steps: tuple[Step, ...]) -> int | None:
    """How many bytes of body the steps write, without playing them; None: no end."""
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
    """The writes, each `delay` seconds after the one before; the first is after the head."""
    for data in writes:
        if delay:
            yield Wait(delay)
        yield Write(data)
