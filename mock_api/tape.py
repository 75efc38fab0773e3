"""A script laid out in time: bursts of body bytes with what must pass before each.

This is the half of compiling that HTTP/1.1 and HTTP/2 share. A burst is what
leaves in one write to the socket; the first one carries the response's head. Its
pieces keep the framing the script asked for, and where in them each event
becomes complete: that is the moment the journal records.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mock_api.script import Cut, Gate, Raw, Script, Stall, Step, Unit, Wait, Write
from mock_api.sse import Dispatch, dispatches


@dataclass(frozen=True, slots=True)
class Piece:
    """Body bytes, and their place in the unit (chunk, frame) that the script put them in."""

    data: bytes
    unit: int
    """The size of the unit that starts here; 0 where one goes on."""
    last: bool
    """The unit ends here."""
    marks: tuple[int, ...]
    """After how many bytes of `data` an event is complete, for each that becomes so."""


@dataclass(slots=True)
class Burst:
    """What leaves in one write, once its wait is over and its gate open."""

    wait: float = 0.0
    """Seconds after the burst before was due, or since its gate opened."""
    gate: int = 0
    """The number of the gate that must be open; 0: none."""
    stall: bool = False
    """It never leaves."""
    pieces: list[Piece | Raw] = field(default_factory=list)
    """HTTP/2 passes over what is raw."""


@dataclass(frozen=True, slots=True)
class Tape:
    """A script's body laid out in time."""

    bursts: tuple[Burst, ...]
    events: tuple[Dispatch, ...]
    """Every event, in order."""


def lay_out(script: Script) -> Tape:
    """The script's steps as bursts. There is always a first one, for the head."""
    events = dispatches(script.body)
    ends = iter([event.end for event in events])
    end = next(ends, None)
    bursts = [Burst(gate=script.hold)]
    offset = 0
    for step, unit, last in _flat(script.steps):
        match step:
            case Write(data):
                marks = []
                while end is not None and end <= offset + len(data):
                    marks.append(end - offset)
                    end = next(ends, None)
                offset += len(data)
                if data:
                    bursts[-1].pieces.append(Piece(data, unit, last, tuple(marks)))
            case Raw():
                bursts[-1].pieces.append(step)
            case Wait(seconds):
                bursts.append(Burst(wait=seconds))
            case Gate(number):
                bursts.append(Burst(gate=number))
            case Cut():
                bursts.append(Burst())
            case Stall():
                bursts.append(Burst(stall=True))
    return Tape(tuple(bursts), events)


def _flat(steps: tuple[Step, ...]) -> Iterator[tuple[Step, int, bool]]:
    """Each step, the size of the unit it starts, and whether it ends that unit."""
    for step in steps:
        if not isinstance(step, Unit):
            yield step, len(step.data) if isinstance(step, Write) else 0, True
            continue
        writes = [inner for inner in step.steps if isinstance(inner, Write) and inner.data]
        size = sum(len(write.data) for write in writes)
        for inner in step.steps:
            if isinstance(inner, Write):
                yield inner, size if inner is writes[0] else 0, inner is writes[-1]
            else:
                yield inner, 0, False
