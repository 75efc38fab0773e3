"""Shapes of any answer: when it leaves, how it is framed, how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

from mock_api.language.answer import number
from mock_api.language.cutting import Cuts
from mock_api.language.modifiers.modifier import Shape
from mock_api.language.script import Encoding, Ending, Framing, Informational, Script
from mock_api.language.steps import (
    Gate,
    Goaway,
    Inside,
    Jitter,
    Last,
    Stall,
    Step,
    Unit,
    Wait,
    Write,
)


def _before_each(script: Script, pause: Callable[[int], Step | None]) -> Script:
    """A pause before each write, the first being number 0."""
    steps: list[Step] = []
    number = count()
    for step in script.steps:
        if isinstance(step, (Write, Unit)) and (found := pause(next(number))) is not None:
            steps.append(found)
        steps.append(step)
    return replace(script, steps=tuple(steps))


def _until(script: Script, argument: str) -> tuple[tuple[Step, ...], bytes]:
    """The steps up to the N-th write, and the next write's data."""
    left = number(argument)
    for index, step in enumerate(script.steps):
        if isinstance(step, (Write, Unit)):
            if not left:
                return script.steps[:index], step.data if isinstance(step, Write) else b""
            left -= 1
    return script.steps, b""


def _milliseconds(argument: str) -> float:
    return number(argument) / 1000


def _drip(script: Script, argument: str) -> Script:
    return _before_each(script, lambda _: Wait(_milliseconds(argument)))


def _jitter(script: Script, argument: str) -> Script:
    return _before_each(script, lambda _: Jitter(0.0, _milliseconds(argument), 1))


def _late(script: Script, argument: str) -> Script:
    return replace(script, steps=(Wait(_milliseconds(argument)), *script.steps))


def _gated(script: Script, argument: str) -> Script:
    most = number(argument, least=1)
    return _before_each(script, lambda index: Gate(index) if 0 < index <= most else None)


def _stall(script: Script, argument: str) -> Script:
    return replace(script, steps=(*_until(script, argument)[0], Stall()))


def _fin(script: Script, argument: str) -> Script:
    steps, following = _until(script, argument)
    half = Write(following[: len(following) // 2])
    return replace(script, steps=(*steps, half), ending=Ending.ABORT)


def _reset(script: Script, argument: str) -> Script:
    return replace(script, steps=_until(script, argument)[0], ending=Ending.RESET)


def _goaway(script: Script, argument: str) -> Script:
    steps = _until(script, argument)[0]
    return replace(script, steps=(*steps, Goaway(Last.THIS, 0), *script.steps[len(steps) :]))


def _joined(script: Script, _: str) -> Script:
    inner = [step for step in script.steps if isinstance(step, Inside)]
    return replace(script, steps=(Unit(tuple(inner)),))


def _chunks(script: Script, argument: str) -> Script:
    size = number(argument, least=1)

    def cut(step: Step) -> Iterator[Step]:
        if isinstance(step, Write):
            yield from (Write(step.data[at : at + size]) for at in range(0, len(step.data), size))
        else:
            yield step

    return replace(script, steps=tuple(each for step in script.steps for each in cut(step)))


def _content_type(script: Script, _: str) -> Script:
    kept = [pair for pair in script.headers if pair[0] != "content-type"]
    return replace(script, headers=(("content-type", "text/html"), *kept))


def _with(**fields: object) -> Callable[[Script, str], Script]:
    return lambda script, _: replace(script, **fields)  # type: ignore[arg-type]


def _segment(script: Script, argument: str) -> Script:
    return replace(script, cuts=Cuts(segment=number(argument, least=1)))


def _padding(script: Script, argument: str) -> Script:
    return replace(script, padding=number(argument, most=255))


HINTS = (Informational(103, (("link", "</style.css>; rel=preload"),)),)
TRAILERS = (("x-checksum", "0"),)

WIRE_SHAPES = (
    Shape("drip:N", "each event N milliseconds after the one before", "drip:20", _drip),
    Shape(
        "jitter:N",
        "each event up to N milliseconds after the one before, the same ones every time",
        "jitter:20",
        _jitter,
    ),
    Shape("late:N", "the first event N milliseconds after the head", "late:50", _late),
    Shape("gated:N", "after each of the first N events the gate of its number", "gated:3", _gated),
    Shape("stall:N", "N events, then silence", "stall:3", _stall),
    Shape(
        "fin:N",
        "N events and half of the next, then FIN without the body's end "
        "(HTTP/2: RST_STREAM with INTERNAL_ERROR)",
        "fin:3",
        _fin,
    ),
    Shape("reset:N", "N events, then RST (HTTP/2: RST_STREAM)", "reset:3", _reset),
    Shape("goaway:N", "HTTP/2: GOAWAY after N events, and the answer goes on", "goaway:3", _goaway),
    Shape("bytes", "one byte of the response a write", "bytes", _with(cuts=Cuts(segment=1))),
    Shape("segment:N", "N bytes of the response a write", "segment:7", _segment),
    Shape("chunks:N", "N bytes of each event an HTTP chunk or DATA frame", "chunks:5", _chunks),
    Shape("joined", "all events in one HTTP chunk", "joined", _joined),
    Shape("length", "Content-Length instead of chunks", "length", _with(framing=Framing.LENGTH)),
    Shape(
        "close", "a body that the end of the connection ends", "close", _with(framing=Framing.CLOSE)
    ),
    Shape("gzip", "compressed, each event by itself", "gzip", _with(encoding=Encoding.GZIP)),
    Shape("hints", "103 Early Hints first", "hints", _with(informational=HINTS)),
    Shape("trailers", "trailers after the body", "trailers", _with(trailers=TRAILERS)),
    Shape(
        "extensions",
        "an extension on every HTTP chunk",
        "extensions",
        _with(chunk_extension=';x="y"'),
    ),
    Shape("padding:N", "HTTP/2: N bytes of padding in every frame", "padding:200", _padding),
    Shape("mistyped", "the content type text/html", "mistyped", _content_type),
)
