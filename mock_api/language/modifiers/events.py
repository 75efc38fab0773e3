"""Modifiers of events: the same data in other lines, and other lines between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from mock_api.language import openai
from mock_api.language.modifiers.modifier import Modifier
from mock_api.language.named import number
from mock_api.language.script import Script
from mock_api.language.steps import Inside, Step, Unit, Write


def _texts(script: Script, change: Callable[[int, bytes], bytes]) -> Script:
    """Each write's data changed, the first being number 0."""
    number = count()

    def changed_inside(step: Inside) -> Inside:
        return Write(change(next(number), step.data)) if isinstance(step, Write) else step

    def changed(step: Step) -> Step:
        match step:
            case Write(data):
                return Write(change(next(number), data))
            case Unit(inner):
                return Unit(tuple(map(changed_inside, inner)))
        return step

    return replace(script, steps=tuple(map(changed, script.steps)))


def _line_ends(*ends: bytes) -> Callable[[Script, str], Script]:
    """These line ends in turn, instead of line feeds.

    A CR may not come before a LF: the two would be one line end.
    """

    def apply(script: Script, _: str) -> Script:
        number = count()

        def change(_: int, data: bytes) -> bytes:
            lines = data.split(b"\n")
            return b"".join(
                [*(line + ends[next(number) % len(ends)] for line in lines[:-1]), lines[-1]]
            )

        return _texts(script, change)

    return apply


def _each(change: Callable[[int, bytes], bytes]) -> Callable[[Script, str], Script]:
    return lambda script, _: _texts(script, change)


def _multiline(_: int, data: bytes) -> bytes:
    return data.replace(b",", b",\ndata: ", 1)


def _done(script: Script, argument: str) -> Script:
    times = number(argument)

    def change(_: int, data: bytes) -> bytes:
        return data * times if data == openai.DONE else data

    return _texts(script, change)


def _junk(script: Script, _: str) -> Script:
    junk = openai.event(openai.chunk({"content": "junk"})) + b"junk"
    return replace(script, steps=(*script.steps, Write(junk)))


def _roleless(_: int, data: bytes) -> bytes:
    return data.replace(b'"delta":{"role":"assistant",', b'"delta":{', 1)


EVENT_MODIFIERS = (
    Modifier("roleless", "no delta has the role", "", _each(_roleless), text=True),
    Modifier("crlf", "lines end in CRLF", "", _line_ends(b"\r\n"), text=True),
    Modifier("cr", "lines end in CR", "", _line_ends(b"\r"), text=True),
    Modifier(
        "mixed",
        "lines end in LF, CR and CRLF in turn",
        "",
        _line_ends(b"\n", b"\r", b"\r\n"),
        text=True,
    ),
    Modifier(
        "bom",
        "a byte order mark at the beginning",
        "",
        _each(lambda index, data: data if index else b"\xef\xbb\xbf" + data),
        text=True,
    ),
    Modifier(
        "comments",
        "a comment before each event",
        "",
        _each(lambda _, data: b": ping\n\n" + data),
        text=True,
    ),
    Modifier(
        "fields",
        "fields `id` and `retry`, and an unknown one, in each event",
        "",
        _each(lambda index, data: b"id: %d\nretry: 10\nx-new: 1\nx-bare\n" % index + data),
        text=True,
    ),
    Modifier(
        "dataless",
        "an event without data before each event",
        "",
        _each(lambda _, data: b"event: ping\n\nid: 1\n\n" + data),
        text=True,
    ),
    Modifier("multiline", "JSON in two `data` lines", "", _each(_multiline), text=True),
    Modifier(
        "tight",
        "no space after `data:`",
        "",
        _each(lambda _, data: data.replace(b"data: ", b"data:")),
        text=True,
    ),
    Modifier("done:N", "`[DONE]` N times", "2", _done, text=True),
    Modifier("junk", "more events and half a line after the end", "", _junk, text=True),
)
