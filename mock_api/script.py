"""A script: what the mock API does for one request, as data.

A script is a head, steps, and an ending. The steps are played in order and
say three separate things that a server usually mixes up:

  what is sent     Write, Raw
  how it is framed each Write is one HTTP chunk or one DATA frame; a Unit makes
                   one of several steps, so that pauses can fall inside it
  when it leaves   Wait, Gate, Cut, Stall; everything between two of them leaves
                   in one write to the socket

Nothing here knows a protocol. http1.py and http2.py compile a script, once,
into the bytes they send.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Write:
    """Body bytes that make up one HTTP chunk, or one DATA frame (or more, where it is too long)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes on an HTTP/1.1 connection that are no part of the body, wherever they stand."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """What follows leaves this many seconds after what came before was due."""

    seconds: float


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


@dataclass(frozen=True, slots=True)
class Unit:
    """One HTTP chunk, or one run of DATA, made of several steps: pauses fall inside it."""

    steps: tuple[Write | Wait | Gate | Cut, ...]


Step = Write | Raw | Wait | Gate | Cut | Stall | Unit


class Framing(Enum):
    """How HTTP/1.1 says where the body ends. HTTP/2 always ends it with END_STREAM."""

    CHUNKED = "chunked"
    LENGTH = "length"
    CLOSE = "close"
    RAW = "raw"
    """It does not, unless the script's own headers and Raw steps do."""


class Ending(Enum):
    """What comes after the last step."""

    CLEAN = "clean"
    """The body ends as its framing says."""
    ABORT = "abort"
    """HTTP/1.1: the connection is closed (FIN, no close_notify) without the body's end.
    HTTP/2: the stream is reset with INTERNAL_ERROR."""
    RESET = "reset"
    """HTTP/1.1: the connection is reset (RST). HTTP/2: RST_STREAM with the script's code."""
    DROP = "drop"
    """The connection is closed whatever else it carries, on HTTP/2 too."""


INTERNAL_ERROR = 0x2
"""RFC 9113 7: what a server says that fails in the middle of a response."""


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """What the mock does for one request. Compared by identity: it is compiled once."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    """Names in lower case; without those that the framing makes, unless it makes none."""
    steps: tuple[Step, ...] = ()
    framing: Framing = Framing.CHUNKED
    ending: Ending = Ending.CLEAN
    reset_code: int = INTERNAL_ERROR
    """The code of RST_STREAM where the ending is a reset."""
    hold: int = 0
    """The gate that must be open before the head leaves; 0: it leaves at once."""
    head: bytes | None = None
    """HTTP/1.1: what is sent in place of a head. HTTP/2: without a byte here there is no head."""
    informational: tuple[tuple[int, tuple[tuple[str, str], ...]], ...] = ()
    """Status and headers of each response before the final one."""
    trailers: tuple[tuple[str, str], ...] = ()
    """Fields after a body in chunks, or on HTTP/2 after any."""

    @property
    def body(self) -> bytes:
        """Every body byte, in order."""
        return b"".join(_data(step) for step in self.steps)


def _data(step: Step) -> bytes:
    if isinstance(step, Unit):
        return b"".join(map(_data, step.steps))
    return step.data if isinstance(step, Write) else b""


def spaced(writes: tuple[bytes, ...], *, delay: float) -> Iterator[Step]:
    """The writes, each `delay` seconds after the one before, the first after the head."""
    for data in writes:
        if delay:
            yield Wait(delay)
        yield Write(data)
