"""A script's steps as JSON.

    [{"delta": "Hello"}, {"wait": 0.5}, {"finish": "stop"}, {"done": true}]

A step is an object with one key. STEPS has a reader for each key; docs/control.md describes
them. Several keys read as a Write: it is written with the key that shows most.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

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
    Fill,
    Frame,
    Gate,
    Goaway,
    Inside,
    Jitter,
    Last,
    Raw,
    Repeat,
    Setting,
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


def steps(where: str, value: Any) -> tuple[Step, ...]:
    """The steps in a list. Raises ScriptError."""
    if not isinstance(value, list):
        raise ScriptError(where, "a list of steps", value)
    return tuple(_step(f"{where}[{index}]", step) for index, step in enumerate(value))


def step_json(step: Step) -> dict[str, Any]:
    """The JSON that `steps` reads as this step."""
    match step:
        case Write(data):
            return _write_json(data)
        case Raw(data):
            return _bytes_json("raw", data)
        case Wait(length):
            return {"wait": length}
        case Jitter(least, most, seed):
            return {"wait": {"from": least, "to": most, "seed": seed}}
        case Gate(number):
            return {"gate": number}
        case Cut():
            return {"cut": True}
        case Stall():
            return {"stall": True}
        case Unit(inner):
            return {"unit": list(map(step_json, inner))}
        case Fill():
            return {"fill": {"text": step.text.decode(), "bytes": step.size}}
        case Repeat(inner, times):
            limit = {} if times is None else {"times": times}
            return {"repeat": {**limit, "steps": list(map(step_json, inner))}}
        case Goaway(last, code):
            return {"goaway": {"last": last if isinstance(last, int) else last.value, "code": code}}
        case Settings(values):
            return {"settings": {Setting(name).name.lower(): value for name, value in values}}
        case Frame(kind, flags, stream, payload):
            return {
                "frame": {
                    "type": kind,
                    "flags": flags,
                    "stream": "this" if stream is None else stream,
                    "payload_base64": base64.b64encode(payload).decode(),
                }
            }


def _write_json(data: bytes) -> dict[str, Any]:
    if data == openai.DONE:
        return {"done": True}
    try:
        value = json.loads(data.removeprefix(b"data: "))
    except (ValueError, RecursionError):
        return _bytes_json("write", data)
    if openai.event(value) != data:
        return _bytes_json("write", data)
    try:
        delta, reason = value["choices"][0]["delta"], value["choices"][0]["finish_reason"]
    except (LookupError, TypeError):
        return {"event": value}
    if isinstance(reason, str) and value == openai.chunk({}, reason):
        return {"finish": reason}
    content = delta.get("content") if isinstance(delta, dict) else None
    if isinstance(content, str) and value == openai.chunk({"content": content}):
        return {"delta": content}
    return {"event": value}


def _bytes_json(kind: str, data: bytes) -> dict[str, str]:
    try:
        return {kind: data.decode()}
    except UnicodeDecodeError:
        return {f"{kind}_base64": base64.b64encode(data).decode()}


def _step(where: str, value: Any) -> Step:
    if not isinstance(value, dict) or len(value) != 1:
        raise ScriptError(where, "an object with one key, the kind of step", value)
    kind, argument = next(iter(value.items()))
    if kind not in STEPS:
        raise ScriptError(where, f"one of {', '.join(STEPS)}", kind)
    return STEPS[kind](f"{where}.{kind}", argument)


def _done(where: str, value: Any) -> Step:
    true(where, value)
    return Write(openai.DONE)


def _fill(where: str, value: Any) -> Step:
    readers = {"text": bytes_of, "bytes": whole(1, MOST_TIMES)}
    read = fields(where, value, readers, required=("text", "bytes"))
    if not read["text"]:
        raise ScriptError(f"{where}.text", "a text", value["text"])
    return Fill(read["text"], read["bytes"])


def _wait(where: str, value: Any) -> Step:
    if isinstance(value, dict):
        bound = seconds(LONGEST_WAIT)
        readers: Mapping[str, Reader[Any]] = {"from": bound, "to": bound, "seed": whole(0, 2**53)}
        read = fields(where, value, readers, required=("from", "to", "seed"))
        if read["from"] > read["to"]:
            raise ScriptError(f"{where}.to", f"at least {read['from']:g} seconds", value["to"])
        return Jitter(read["from"], read["to"], read["seed"])
    return Wait(seconds(LONGEST_WAIT)(where, value))


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
            raise ScriptError(where, "only writes, waits, gates and cuts in a unit", value)
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
    return Settings(tuple((Setting[name.upper()], number) for name, number in read.items()))


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
    "write": lambda where, value: Write(bytes_of(where, value)),
    "write_base64": lambda where, value: Write(base64_bytes(where, value)),
    "event": lambda where, value: Write(openai.event(value)),
    "delta": lambda where, value: Write(
        openai.event(openai.chunk({"content": text(where, value)}))
    ),
    "finish": lambda where, value: Write(openai.event(openai.chunk({}, text(where, value)))),
    "done": _done,
    "fill": _fill,
    "raw": lambda where, value: Raw(bytes_of(where, value)),
    "raw_base64": lambda where, value: Raw(base64_bytes(where, value)),
    "wait": _wait,
    "gate": lambda where, value: Gate(whole(1, 2**31)(where, value)),
    "cut": _cut,
    "stall": _stall,
    "unit": _unit,
    "repeat": _repeat,
    "goaway": _goaway,
    "settings": _settings,
    "frame": _frame,
}
"""The kinds of steps, and how each one's argument is read."""
