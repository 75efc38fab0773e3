"""A script written as JSON, for registering it through the control API.

    {"steps": [{"delta": "Hello"}, {"wait": 0.5}, {"finish": "stop"}, {"done": true}]}

docs/control.md describes the format. A step is an object with one key, and each
key has its reader below. Reading is strict: a script that is wrong in one place
would otherwise test something else than its author thinks. Every error names the
place, what was expected there, and what was found.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar

from mock_api import openai
from mock_api.script import (
    Cut,
    Ending,
    Framing,
    Gate,
    Raw,
    Script,
    Stall,
    Step,
    Unit,
    Wait,
    Write,
)

LONGEST_WAIT = 3600.0

REPEAT = "repeat"
MOST_TIMES = 100_000
"""Repetitions of steps; they are laid out in memory, one after the other."""

EVENT_STREAM = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))
"""The headers of a script that names none."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_FRAMING_HEADERS = ("content-length", "transfer-encoding", "connection")

E = TypeVar("E", bound=Enum)

Fields = tuple[tuple[str, str], ...]


class ScriptError(ValueError):
    """The JSON is no script; the message says where, what was expected, and what was found."""

    def __init__(self, where: str, expected: str, found: Any) -> None:
        shown = openai.compact(found).decode()
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        super().__init__(f"{where}: expected {expected}, found {shown}")


def read_script(value: Any) -> Script:
    """The script that the decoded JSON describes. Raises ScriptError."""
    fields: dict[str, Callable[[str, Any], Any]] = {
        "status": _status,
        "headers": _fields,
        "steps": _steps,
        "framing": _member(Framing),
        "ending": _member(Ending),
        "reset_code": _whole(0, 2**32 - 1),
        "hold": _whole(1, 2**31),
        "head": lambda where, given: _text(where, given).encode(),
        "informational": _informational,
        "trailers": _fields,
    }
    if not isinstance(value, dict):
        raise ScriptError("the script", "an object", value)
    for name in value:
        if name not in fields:
            raise ScriptError("the script", f"only the fields {', '.join(fields)}", name)
    read = {name: fields[name](name, given) for name, given in value.items()}
    read.setdefault("headers", EVENT_STREAM)
    if read.get("framing") is not Framing.RAW:
        for name, _ in read["headers"]:
            if name in _FRAMING_HEADERS:
                raise ScriptError("headers", "no framing headers: 'framing' makes them", name)
    return Script(**read)


def _status(where: str, value: Any) -> int:
    return _whole(200, 599)(where, value)


def _informational(where: str, value: Any) -> tuple[tuple[int, Fields], ...]:
    if not isinstance(value, list):
        raise ScriptError(where, "a list of objects with 'status' and 'headers'", value)
    found = []
    for index, given in enumerate(value):
        place = f"{where}[{index}]"
        if not isinstance(given, dict) or not {"status"} <= given.keys() <= {"status", "headers"}:
            raise ScriptError(place, "an object with 'status' and perhaps 'headers'", given)
        status = _whole(100, 199)(f"{place}.status", given["status"])
        found.append((status, _fields(f"{place}.headers", given.get("headers", {}))))
    return tuple(found)


def _fields(where: str, value: Any) -> Fields:
    expected = "an object of strings, or a list of [name, value]"
    pairs = list(value.items()) if isinstance(value, dict) else value
    if not isinstance(pairs, list):
        raise ScriptError(where, expected, value)
    for pair in pairs:
        strings = isinstance(pair, (list, tuple)) and all(isinstance(part, str) for part in pair)
        if not strings or len(pair) != 2:
            raise ScriptError(where, expected, pair)
        name, text = pair
        if not _HEADER_NAME.fullmatch(name):
            raise ScriptError(where, "a name in lower case (RFC 9110 5.1)", name)
        if not _HEADER_VALUE.fullmatch(text):
            raise ScriptError(f"{where}.{name}", "a value without control characters", text)
    return tuple((name, text) for name, text in pairs)


def _steps(where: str, value: Any) -> tuple[Step, ...]:
    if not isinstance(value, list):
        raise ScriptError(where, "a list of steps", value)
    steps: list[Step] = []
    for index, step in enumerate(value):
        steps += _step(f"{where}[{index}]", step)
    return tuple(steps)


def _step(where: str, value: Any) -> tuple[Step, ...]:
    """One step, or the many of a repetition."""
    if not isinstance(value, dict) or len(value) != 1:
        raise ScriptError(where, "an object with one key, the kind of step", value)
    kind, argument = next(iter(value.items()))
    if kind == REPEAT:
        return _repeat(f"{where}.{kind}", argument)
    if kind not in STEPS:
        raise ScriptError(where, f"one of {', '.join((*STEPS, REPEAT))}", kind)
    return (STEPS[kind](f"{where}.{kind}", argument),)


def _repeat(where: str, value: Any) -> tuple[Step, ...]:
    if not isinstance(value, dict) or value.keys() != {"times", "steps"}:
        raise ScriptError(where, "an object with 'times' and 'steps'", value)
    times = _whole(1, MOST_TIMES)(f"{where}.times", value["times"])
    steps = _steps(f"{where}.steps", value["steps"])
    if len(steps) * times > MOST_TIMES:
        raise ScriptError(where, f"no more than {MOST_TIMES} steps in all", len(steps) * times)
    return steps * times


def _write(where: str, value: Any) -> Step:
    return Write(_text(where, value).encode("utf-8", "surrogatepass"))


def _write_base64(where: str, value: Any) -> Step:
    return Write(_base64(where, value))


def _raw(where: str, value: Any) -> Step:
    return Raw(_text(where, value).encode("utf-8", "surrogatepass"))


def _raw_base64(where: str, value: Any) -> Step:
    return Raw(_base64(where, value))


def _event(where: str, value: Any) -> Step:
    return Write(openai.event(value))


def _delta(where: str, value: Any) -> Step:
    return Write(openai.event(openai.chunk({"content": _text(where, value)})))


def _finish(where: str, value: Any) -> Step:
    return Write(openai.event(openai.chunk({}, _text(where, value))))


def _done(where: str, value: Any) -> Step:
    _true(where, value)
    return Write(openai.DONE)


def _wait(where: str, value: Any) -> Step:
    if type(value) not in (int, float) or not 0 <= value <= LONGEST_WAIT:
        raise ScriptError(where, f"seconds from 0 to {LONGEST_WAIT:g}", value)
    return Wait(float(value))


def _gate(where: str, value: Any) -> Step:
    return Gate(_whole(1, 2**31)(where, value))


def _cut(where: str, value: Any) -> Step:
    _true(where, value)
    return Cut()


def _stall(where: str, value: Any) -> Step:
    _true(where, value)
    return Stall()


def _unit(where: str, value: Any) -> Step:
    steps = _steps(where, value)
    if not any(isinstance(step, Write) for step in steps):
        raise ScriptError(where, "steps that write something", value)
    inner = []
    for step in steps:
        if isinstance(step, (Unit, Stall, Raw)):
            raise ScriptError(where, "no unit, no stall and nothing raw in a unit", value)
        inner.append(step)
    return Unit(tuple(inner))


STEPS: Mapping[str, Callable[[str, Any], Step]] = {
    "write": _write,
    "write_base64": _write_base64,
    "raw": _raw,
    "raw_base64": _raw_base64,
    "event": _event,
    "delta": _delta,
    "finish": _finish,
    "done": _done,
    "wait": _wait,
    "gate": _gate,
    "cut": _cut,
    "stall": _stall,
    "unit": _unit,
}
"""The kinds of steps, and how each one's argument is read."""


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ScriptError(where, "a string", value)
    return value


def _base64(where: str, value: Any) -> bytes:
    try:
        return base64.b64decode(_text(where, value), validate=True)
    except binascii.Error:
        raise ScriptError(where, "base64", value) from None


def _true(where: str, value: Any) -> None:
    if value is not True:
        raise ScriptError(where, "true", value)


def _whole(least: int, most: int) -> Callable[[str, Any], int]:
    def read(where: str, value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ScriptError(where, f"a whole number from {least} to {most}", value)
        return value

    return read


def _member(kind: type[E]) -> Callable[[str, Any], E]:
    def read(where: str, value: Any) -> E:
        names = [member.value for member in kind]
        if value not in names:
            raise ScriptError(where, f"one of {', '.join(names)}", value)
        return kind(value)

    return read
