"""Modifiers of any answer: when it leaves, how it is framed, how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from mock_api.language.cutting import Cuts
from mock_api.language.modifiers.modifier import Modifier
from mock_api.language.named import number
from mock_api.language.pacing import before_each, paced, read_pace
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
    return before_each(script, lambda _: Wait(_milliseconds(argument)))


def _jitter(script: Script, argument: str) -> Script:
    return before_each(script, lambda _: Jitter(0.0, _milliseconds(argument), 1))


def _late(script: Script, argument: str) -> Script:
    return replace(script, steps=(Wait(_milliseconds(argument)), *script.steps))


def _gated(script: Script, argument: str) -> Script:
    most = number(argument, least=1)
    return before_each(script, lambda index: Gate(index) if 0 < index <= most else None)


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


STRICT = "strict"
"""The modifier that asks for validation; generation.py does it."""

HINTS = (Informational(103, (("link", "</style.css>; rel=preload"),)),)
TRAILERS = (("x-checksum", "0"),)

WIRE_MODIFIERS = (
    Modifier(
        "pace:RATE",
        "RATE tokens a second; `RATE,FIRST,JITTER,SEED`: also FIRST milliseconds before the "
        "first, and up to JITTER more before each, drawn with this seed",
        "50",
        lambda script, argument: paced(script, read_pace(argument)),
    ),
    Modifier("drip:N", "each event N milliseconds after the one before", "20", _drip),
    Modifier(
        "jitter:N",
        "each event up to N milliseconds after the one before, with the same times in every run",
        "20",
        _jitter,
    ),
    Modifier("late:N", "the first event N milliseconds after the head", "50", _late),
    Modifier("gated:N", "a gate after each of the first N events, with its number", "3", _gated),
    Modifier("stall:N", "N events, then silence", "3", _stall),
    Modifier(
        "fin:N",
        "N events and half of the next, then FIN without the body's end "
        "(HTTP/2: RST_STREAM with INTERNAL_ERROR)",
        "3",
        _fin,
    ),
    Modifier("reset:N", "N events, then RST (HTTP/2: RST_STREAM)", "3", _reset),
    Modifier("goaway:N", "HTTP/2: GOAWAY after N events; the answer goes on", "3", _goaway),
    Modifier("bytes", "one byte of the response in each write", "", _with(cuts=Cuts(segment=1))),
    Modifier("segment:N", "N bytes of the response in each write", "7", _segment),
    Modifier("chunks:N", "N bytes of each event in each HTTP chunk or DATA frame", "5", _chunks),
    Modifier("joined", "all events in one HTTP chunk", "", _joined),
    Modifier("length", "Content-Length instead of chunks", "", _with(framing=Framing.LENGTH)),
    Modifier("close", "the end of the connection ends the body", "", _with(framing=Framing.CLOSE)),
    Modifier("gzip", "compressed, each event by itself", "", _with(encoding=Encoding.GZIP)),
    Modifier("hints", "103 Early Hints first", "", _with(informational=HINTS)),
    Modifier("trailers", "trailers after the body", "", _with(trailers=TRAILERS)),
    Modifier("extensions", "an extension on every HTTP chunk", "", _with(chunk_extension=';x="y"')),
    Modifier("padding:N", "HTTP/2: N bytes of padding in every frame", "200", _padding),
    Modifier(STRICT, "the request is validated as the API does (docs/mock.md)", "", _with()),
    Modifier("mistyped", "the content type text/html", "", _content_type),
)
