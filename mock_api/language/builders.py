"""Functions that build scripts: what scenarios write, and what the JSON reader calls.

    script(delta("Hello"), gate(1), delta(" world"), finish("stop"), done())

Each function returns a value of script.py or steps.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mock_api.language import openai
from mock_api.language.script import Attempts, Script
from mock_api.language.script_json import script_of
from mock_api.language.steps import (
    Cut,
    Fill,
    Frame,
    Gate,
    Goaway,
    Inside,
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


def script(*steps: Step, **fields: Any) -> Script:
    """A script. `fields` are the JSON fields of docs/control.md. Raises ScriptError."""
    return script_of(steps, fields)


def finished(*steps: Step, **fields: Any) -> Script:
    """A script whose answer is complete: the steps, then finish_reason `stop` and `[DONE]`."""
    return script(*steps, finish("stop"), done(), **fields)


def attempts(*scripts: Script) -> Attempts:
    """The first request of an exchange is answered by the first script, and so on."""
    return Attempts(scripts)


def write(data: str | bytes) -> Step:
    """Bytes of the body; one HTTP chunk, or one DATA frame."""
    return Write(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)


def event(data: Any) -> Step:
    """An event whose data is this JSON value."""
    return Write(openai.event(data))


def delta(text: str) -> Step:
    """A chunk with this text for choice 0."""
    return event(openai.chunk({"content": text}))


def finish(reason: str) -> Step:
    """A chunk with the finish_reason of choice 0."""
    return event(openai.chunk({}, reason))


def done() -> Step:
    """The `[DONE]` event."""
    return Write(openai.DONE)


def raw(data: bytes) -> Step:
    """Bytes on an HTTP/1.1 connection outside of the body: sizes, trailers, junk."""
    return Raw(data)


def wait(seconds: float) -> Step:
    """The steps after it leave this number of seconds later."""
    return Wait(float(seconds))


def gate(number: int) -> Step:
    """The steps after it leave once the client's side has opened this gate (from 1)."""
    return Gate(number)


def gated(*events: bytes, cuts: Sequence[int] = ()) -> tuple[Step, ...]:
    """The events, with gate n between event n and the next.

    cuts: how many bytes of the second event, the third, … leave before their gate, with the
    event before. While a client waits for a gate, the daemon has read exactly these
    bytes of the next event.
    """
    steps: list[Step] = []
    body, at, end = b"".join(events), 0, 0
    for number, data in enumerate(events[:-1]):
        end += len(data)
        cut_at = end + (cuts[number] if number < len(cuts) else 0)
        steps += [Write(body[at:cut_at]), Gate(number + 1)]
        at = cut_at
    return (*steps, Write(body[at:]))


def cut() -> Step:
    """The steps after it leave at once, in a write of their own."""
    return Cut()


def stall() -> Step:
    """Nothing follows; the connection stays open, silent, until the client leaves."""
    return Stall()


def unit(*steps: Step) -> Step:
    """One HTTP chunk, or one run of DATA, made of several steps. Raises ValueError."""
    inner = tuple(step for step in steps if isinstance(step, Inside))
    if len(inner) < len(steps):
        raise ValueError(f"expected only writes, waits, gates and cuts in a unit, found {steps}")
    return Unit(inner)


def repeat(times: int, *steps: Step) -> Step:
    """The steps, `times` times: a large answer by a small script."""
    return Repeat(steps, times)


def endless(*steps: Step) -> Step:
    """The steps over and over, until the client leaves."""
    return Repeat(steps, None)


def fill(text: str, size: int) -> Step:
    """The text over and over, `size` bytes in all; made while it is sent."""
    return Fill(text.encode(), size)


def goaway(last: str | int, *, code: int = 0) -> Step:
    """HTTP/2: GOAWAY. last: `this` stream, the `previous` one, `all`, or a stream's number."""
    return Goaway(last if isinstance(last, int) else Last(last), code)


def settings(**values: int) -> Step:
    """HTTP/2: SETTINGS for the rest of the connection, by their names in lower case."""
    return Settings(tuple((Setting[name.upper()], value) for name, value in values.items()))


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: str | int = 0) -> Step:
    """HTTP/2: any frame. stream: its number, or `this`."""
    if isinstance(stream, str) and stream != "this":
        raise ValueError(f"expected a stream's number or 'this', found {stream!r}")
    return Frame(kind, flags, None if isinstance(stream, str) else stream, payload)
