"""Shapes of events: the same data in other lines, and what else may stand between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from mock_api.language import openai
from mock_api.language.answer import number
from mock_api.language.modifiers.modifier import Shape
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
    """One of these line ends in turn instead of each line feed.

    No CR may come before LF, where the two would be one.
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


EVENT_SHAPES = (
    Shape("crlf", "lines end in CRLF", "crlf", _line_ends(b"\r\n"), text=True),
    Shape("cr", "lines end in CR", "cr", _line_ends(b"\r"), text=True),
    Shape(
        "mixed",
        "lines end in LF, CR and CRLF in turn",
        "mixed",
        _line_ends(b"\n", b"\r", b"\r\n"),
        text=True,
    ),
    Shape(
        "bom",
        "a byte order mark comes first",
        "bom",
        _each(lambda index, data: data if index else b"\xef\xbb\xbf" + data),
        text=True,
    ),
    Shape(
        "comments",
        "a comment before each event",
        "comments",
        _each(lambda _, data: b": ping\n\n" + data),
        text=True,
    ),
    Shape(
        "fields",
        "fields `id` and `retry`, and one that nobody knows, in each event",
        "fields",
        _each(lambda index, data: b"id: %d\nretry: 10\nx-new: 1\nx-bare\n" % index + data),
        text=True,
    ),
    Shape(
        "dataless",
        "before each event one without data",
        "dataless",
        _each(lambda _, data: b"event: ping\n\nid: 1\n\n" + data),
        text=True,
    ),
    Shape("multiline", "JSON in two `data` lines", "multiline", _each(_multiline), text=True),
    Shape(
        "tight",
        "no space after `data:`",
        "tight",
        _each(lambda _, data: data.replace(b"data: ", b"data:")),
        text=True,
    ),
    Shape("done:N", "`[DONE]` N times", "done:2", _done, text=True),
    Shape("junk", "more events and half a line after the end", "junk", _junk, text=True),
)
