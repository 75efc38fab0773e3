"""A script's steps, written as JSON.

    [{"delta": "Hello"}, {"wait": 0.5}, {"finish": "stop"}, {"done": true}]

A step is an object with one key, and each key has its reader below; docs/control.md
describes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_api.http2.frames import Setting
from mock_api.language import openai
from mock_api.language.json_values import (
    Reader,
    ScriptError,
    base64_bytes,
    bytes_of,
    fields,
    member,
    seconds,
    text,
    true,
    whole,
)
from mock_api.language.steps import (
    Cut,
    Frame,
    Gate,
    Goaway,
    Inside,
    Jitter,
    Last,
    Raw,
    Repeat,
    Settings,
    Stall,
    Step,
    Unit,
    Wait,
    Write,
)

LONGEST_WAIT = 3600.0

MOST_TIMES = 2**53
"""The largest whole number that every JSON reader keeps."""

FILL = 64 * 1024
"""Bytes of a fill that are one write."""


def steps(where: str, value: Any) -> tuple[Step, ...]:
    """The steps in a list. Raises ScriptError."""
    if not isinstance(value, list):
        raise ScriptError(where, "a list of steps", value)
    return tuple(_step(f"{where}[{index}]", step) for index, step in enumerate(value))


def _step(where: str, value: Any) -> Step:
    if not isinstance(value, dict) or len(value) != 1:
        raise ScriptError(where, "an object with one key, the kind of step", value)
    kind, argument = next(iter(value.items()))
    if kind not in STEPS:
        raise ScriptError(where, f"one of {', '.join(STEPS)}", kind)
    return STEPS[kind](f"{where}.{kind}", argument)


def _write(where: str, value: Any) -> Step:
    return Write(bytes_of(where, value))


def _write_base64(where: str, value: Any) -> Step:
    return Write(base64_bytes(where, value))


def _event(where: str, value: Any) -> Step:
    return Write(openai.event(value))


def _delta(where: str, value: Any) -> Step:
    return Write(openai.event(openai.chunk({"content": text(where, value)})))


def _finish(where: str, value: Any) -> Step:
    return Write(openai.event(openai.chunk({}, text(where, value))))


def _done(where: str, value: Any) -> Step:
    true(where, value)
    return Write(openai.DONE)


def _fill(where: str, value: Any) -> Step:
    readers = {"text": bytes_of, "bytes": whole(1, MOST_TIMES)}
    read = fields(where, value, readers, required=("text", "bytes"))
    once, size = read["text"], read["bytes"]
    if not once:
        raise ScriptError(f"{where}.text", "a text", value["text"])
    block = once * max(1, FILL // len(once))
    rest = (once * (size % len(block) // len(once) + 1))[: size % len(block)]
    return Repeat((Repeat((Write(block),), size // len(block)), Write(rest)), 1)


def _raw(where: str, value: Any) -> Step:
    return Raw(bytes_of(where, value))


def _raw_base64(where: str, value: Any) -> Step:
    return Raw(base64_bytes(where, value))


def _wait(where: str, value: Any) -> Step:
    if isinstance(value, dict):
        bound = seconds(LONGEST_WAIT)
        readers: Mapping[str, Reader[Any]] = {"from": bound, "to": bound, "seed": whole(0, 2**53)}
        read = fields(where, value, readers, required=("from", "to", "seed"))
        if read["from"] > read["to"]:
            raise ScriptError(f"{where}.to", f"at least {read['from']:g} seconds", value["to"])
        return Jitter(read["from"], read["to"], read["seed"])
    return Wait(seconds(LONGEST_WAIT)(where, value))


def _gate(where: str, value: Any) -> Step:
    return Gate(whole(1, 2**31)(where, value))


def _cut(where: str, value: Any) -> Step:
    true(where, value)
    return Cut()


def _stall(where: str, value: Any) -> Step:
    true(where, value)
    return Stall()


def _unit(where: str, value: Any) -> Step:
    read = steps(where, value)
    if not any(isinstance(step, Write) for step in read):
        raise ScriptError(where, "steps that write something", value)
    inner = []
    for step in read:
        if not isinstance(step, Inside):
            raise ScriptError(where, "nothing but writes, waits, gates and cuts in a unit", value)
        inner.append(step)
    return Unit(tuple(inner))


def _goaway(where: str, value: Any) -> Step:
    readers: Mapping[str, Reader[Any]] = {"last": _last, "code": whole(0, 2**32 - 1)}
    read = fields(where, value, readers, required=("last",))
    return Goaway(read["last"], read.get("code", 0))


def _last(where: str, value: Any) -> Last | int:
    if isinstance(value, str):
        return member(Last)(where, value)
    return whole(0, 2**31 - 1)(where, value)


def _settings(where: str, value: Any) -> Step:
    readers = {setting.name.lower(): whole(0, 2**32 - 1) for setting in Setting}
    read = fields(where, value, readers)
    return Settings(tuple((Setting[name.upper()], given) for name, given in read.items()))


def _frame(where: str, value: Any) -> Step:
    readers: Mapping[str, Reader[Any]] = {
        "type": whole(0, 255),
        "flags": whole(0, 255),
        "stream": _stream,
        "payload_base64": base64_bytes,
    }
    read = fields(where, value, readers, required=("type", "stream"))
    return Frame(
        read["type"], read.get("flags", 0), read["stream"], read.get("payload_base64", b"")
    )


def _stream(where: str, value: Any) -> int | None:
    return None if value == "this" else whole(0, 2**31 - 1)(where, value)


def _repeat(where: str, value: Any) -> Step:
    readers = {"times": whole(1, MOST_TIMES), "steps": steps}
    read = fields(where, value, readers, required=("steps",))
    repeated = Repeat(read["steps"], read.get("times"))
    if not any(isinstance(step, (Write, Raw, Repeat, Unit)) for step in repeated.steps):
        raise ScriptError(f"{where}.steps", "steps that send something", value["steps"])
    return repeated


STEPS: Mapping[str, Reader[Step]] = {
    "write": _write,
    "write_base64": _write_base64,
    "event": _event,
    "delta": _delta,
    "finish": _finish,
    "done": _done,
    "fill": _fill,
    "raw": _raw,
    "raw_base64": _raw_base64,
    "wait": _wait,
    "gate": _gate,
    "cut": _cut,
    "stall": _stall,
    "unit": _unit,
    "repeat": _repeat,
    "goaway": _goaway,
    "settings": _settings,
    "frame": _frame,
}
"""The kinds of steps, and how each one's argument is read."""
