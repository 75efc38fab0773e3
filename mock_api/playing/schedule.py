"""A script laid out in time: bursts of body bytes, each after a wait, a gate or a cut.

HTTP/1.1 and HTTP/2 share this half of compiling. A burst leaves in one write to the
socket; the first one carries the response's head. Its pieces keep the script's framing.
They also mark the byte that completes each event: the journal records when it leaves.

Bursts are made one by one, while they are sent. Only those of a small script are kept, so
that it is compiled once. A large or endless answer is never in memory as a whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Generic, TypeVar

from mock_api.language.script import Encoding, Ending, Script
from mock_api.language.sse import Assembler, Dispatch
from mock_api.language.steps import (
    Cut,
    Frame,
    Gate,
    Goaway,
    Jitter,
    Pause,
    Raw,
    Repeat,
    Settings,
    Signal,
    Stall,
    Step,
    Unit,
    Wait,
    Write,
    played,
)

BURST = 256 * 1024
"""Bytes after which a burst ends also without a pause: about what a kernel takes at once."""

MOST_KEPT = 2 * 1024 * 1024
"""The approximate memory of the largest response that is kept. Hundreds are kept."""

STEP_COST = 100
"""The approximate memory of a step without its bytes."""

MOST_EVENTS = 100_000
MOST_EVENT_BYTES = 64 * 1024 * 1024
"""The most events of a large answer that the journal keeps; it counts the rest."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Body bytes, and their place in the script's unit (HTTP chunk, run of DATA)."""

    data: bytes
    unit: int
    """The size of the unit that starts here; 0: the unit started before."""
    last: bool
    """The unit ends here."""
    marks: tuple[int, ...]
    """For each event that ends in `data`: after how many bytes it is complete."""


@dataclass(slots=True)
class Burst:
    """What leaves in one write, after its wait and its gate."""

    wait: float = 0.0
    """Seconds after the burst before was due, or after its gate opened."""
    gate: int = 0
    """The number of the gate that must be open; 0: none."""
    stall: bool = False
    """It never leaves."""
    pieces: list[Piece | Raw | Signal] = field(default_factory=list)


WriteEvents = dict[int, tuple[tuple[int, Dispatch], ...]]
"""The events in a write, by its identity, if they do not depend on the writes around it."""


def lay_out(script: Script, events: list[Dispatch], known: WriteEvents) -> Iterator[Burst]:
    """The script's steps as bursts; every event is added to `events`, in order.

    The first burst is for the head and always exists. `known` belongs to the script and is
    kept from one call to the next: a repeated write is parsed once.
    """
    assembler = Assembler()
    encode = _Gzip() if script.encoding is Encoding.GZIP else None
    draws: dict[int, Random] = {}
    burst = Burst(gate=script.hold)
    size = 0
    for step, data, unit, last in _flat(script.steps, encode):
        match step:
            case Write():
                ends = _events(step, assembler, known)
                events.extend(event for _, event in ends)
                if data:
                    marks = (len(data) if encode else end for end, _ in ends)
                    burst.pieces.append(Piece(data, unit, last, tuple(marks)))
                    size += len(data) + STEP_COST
            case Raw() | Frame() | Goaway() | Settings():
                burst.pieces.append(step)
                size += STEP_COST
            case _:
                yield burst
                burst, size = _after(step, draws), 0
        if size >= BURST:
            yield burst
            burst, size = Burst(), 0
    if encode and script.ending is Ending.CLEAN:
        data = encode.end()
        burst.pieces.append(Piece(data, len(data), True, ()))
    yield burst


def _after(pause: Pause, draws: dict[int, Random]) -> Burst:
    """The burst that follows the pause."""
    match pause:
        case Wait(seconds):
            return Burst(wait=seconds)
        case Jitter(least, most, seed):
            draw = draws.setdefault(seed, Random(seed))  # noqa: S311  # it is repeatable on purpose
            return Burst(wait=draw.uniform(least, most))
        case Gate(number):
            return Burst(gate=number)
        case Stall():
            return Burst(stall=True)
        case Cut():
            return Burst()


class _Gzip:
    """Compresses writes so that a client can decompress each as soon as it arrives."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(wbits=31)

    def __call__(self, data: bytes) -> bytes:
        return self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._compressor.flush()


def _events(
    step: Write, assembler: Assembler, known: WriteEvents
) -> tuple[tuple[int, Dispatch], ...]:
    """The events that the write completes, each after its number of bytes."""
    alone = assembler.between_events
    if alone and (events := known.get(id(step))) is not None:
        return events
    events = tuple(assembler.feed(step.data))
    if alone and assembler.between_events:
        known[id(step)] = events
    return events


Flat = Write | Raw | Signal | Pause


def _flat(
    steps: tuple[Step, ...], encode: Callable[[bytes], bytes] | None
) -> Iterator[tuple[Flat, bytes, int, bool]]:
    """Each step, its bytes, the size of the unit it starts, and whether it ends that unit."""
    for step in played(steps):
        match step:
            case Write(data):
                sent = encode(data) if encode and data else data
                yield step, sent, len(sent), True
            case Unit(inner):
                yield from _flat_unit(inner, encode)
            case _:
                yield step, b"", 0, True


def _flat_unit(
    steps: tuple[Step, ...], encode: Callable[[bytes], bytes] | None
) -> Iterator[tuple[Flat, bytes, int, bool]]:
    flat = list(_flat(steps, encode))
    size = sum(len(data) for _, data, _, _ in flat)
    left = size
    for step, data, _, _ in flat:
        yield step, data, size if data and left == size else 0, bool(data) and left == len(data)
        left -= len(data)


class EventLog(list[Dispatch]):
    """The first events of an answer that may have any number of them."""

    def __init__(self) -> None:
        self._size = 0
        self._seen: dict[Dispatch, Dispatch] = {}
        """Repeated steps make equal events; each is kept once."""

    def extend(self, events: Iterable[Dispatch]) -> None:
        """Keep the events while there is room."""
        for event in events:
            if event not in self._seen:
                if len(self._seen) == 64:
                    self._seen.clear()
                self._seen[event] = event
                self._size += len(event.data)
            if len(self) < MOST_EVENTS and self._size < MOST_EVENT_BYTES:
                self.append(self._seen[event])


S = TypeVar("S")


class Schedule(Generic[S]):
    """A script's segments as one protocol sends them; kept if the script is small."""

    __slots__ = ("_known", "_make", "events", "kept")

    def __init__(
        self, script: Script, make: Callable[[list[Dispatch], WriteEvents], Iterator[S]]
    ) -> None:
        self._make = make
        self._known: WriteEvents = {}
        self.kept: tuple[S, ...] | None = None
        self.events: tuple[Dispatch, ...] = ()
        """Every event, if the segments are kept."""
        cost = _cost(script.steps)
        if cost is not None and cost <= MOST_KEPT:
            events: list[Dispatch] = []
            self.kept = tuple(make(events, {}))
            self.events = tuple(events)

    def play(self) -> tuple[Iterator[S], Sequence[Dispatch]]:
        """The segments and their events; a large answer's events grow with its segments."""
        if self.kept is not None:
            return iter(self.kept), self.events
        log = EventLog()
        return self._make(log, self._known), log


def _cost(steps: tuple[Step, ...]) -> int | None:
    """The approximate memory of the steps laid out; None: they have no end."""
    cost = 0
    for step in steps:
        cost += STEP_COST
        match step:
            case Write(data) | Raw(data):
                cost += len(data)
            case Unit(inner):
                cost += _cost(inner) or 0
            case Repeat(inner, times):
                once = _cost(inner)
                if times is None or once is None:
                    return None
                cost += times * once
    return cost


def content_length(script: Script) -> int | None:
    """The length of the body as it is sent; None: it has no end."""
    if script.encoding is Encoding.IDENTITY or script.body_size is None:
        return script.body_size
    bursts = lay_out(script, EventLog(), {})
    pieces = (piece for burst in bursts for piece in burst.pieces)
    return sum(len(piece.data) for piece in pieces if isinstance(piece, Piece))
