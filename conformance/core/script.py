"""What the API is made to do where no pattern does it: scripts, step by step.

A scenario writes its script beside what must hold. These functions make the
JSON that the mock API's control interface takes (docs/control.md); the mock
API checks it, strictly.

    script(delta("Hello"), gate(1), delta(" world"), finish("stop"), done())
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

Step = dict[str, Any]
Script = dict[str, Any]


def script(*steps: Step, **fields: Any) -> Script:
    """A script; docs/control.md lists the fields beside its steps."""
    return {"steps": list(steps), **fields}


def finished(*steps: Step, **fields: Any) -> Script:
    """A script whose answer is complete: the steps, then finish_reason `stop` and `[DONE]`."""
    return script(*steps, finish("stop"), done(), **fields)


def delta(text: str) -> Step:
    """A chunk with this text for choice 0."""
    return {"delta": text}


def event(data: Any) -> Step:
    """An event whose data is this JSON value."""
    return {"event": data}


def chunk(*, reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """A chunk object for choice 0 with these fields of its delta; for `event` and `data`."""
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "conformance-1",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }


def data(value: Any, *, end: str = "\n\n") -> bytes:
    """The bytes of an event whose data is this JSON value, its Unicode unescaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}{end}".encode()


def finish(reason: str) -> Step:
    """A chunk that says why choice 0 ended."""
    return {"finish": reason}


def done() -> Step:
    """The `[DONE]` event."""
    return {"done": True}


def write(data: str | bytes) -> Step:
    """Bytes of the body as they stand; one HTTP chunk, or one DATA frame."""
    if isinstance(data, str):
        return {"write": data}
    try:
        return {"write": data.decode()}  # so that a person can read it, too
    except UnicodeDecodeError:
        return {"write_base64": base64.b64encode(data).decode()}


def raw(data: bytes) -> Step:
    """Bytes on an HTTP/1.1 connection that are no part of the body: sizes, trailers, junk."""
    return {"raw_base64": base64.b64encode(data).decode()}


def wait(seconds: float) -> Step:
    """What follows leaves so much later."""
    return {"wait": seconds}


def gate(number: int) -> Step:
    """What follows leaves once the client's side has opened this gate (counted from 1)."""
    return {"gate": number}


def gated(*events: bytes, cuts: Sequence[int] = ()) -> tuple[Step, ...]:
    """The events, with gate n between event n and the next.

    cuts: how many bytes of the second event, the third, … leave before their gate, with the
    event before. So where a gate waits for the client to have event n, the daemon has read
    the beginning of the one after it, and nothing else of it.
    """
    steps: list[Step] = []
    body, at = b"".join(events), 0
    end = 0
    for number, event in enumerate(events[:-1]):
        end += len(event)
        cut_at = end + (cuts[number] if number < len(cuts) else 0)
        steps += [write(body[at:cut_at]), gate(number + 1)]
        at = cut_at
    return (*steps, write(body[at:]))


def cut() -> Step:
    """What follows leaves at once, in a write of its own."""
    return {"cut": True}


def stall() -> Step:
    """Nothing follows; the connection stays open, silent, until the daemon leaves."""
    return {"stall": True}


def unit(*steps: Step) -> Step:
    """One HTTP chunk, or one run of DATA, made of several steps."""
    return {"unit": list(steps)}


def repeat(times: int, *steps: Step) -> Step:
    """The steps, so many times over: a large answer by a small script."""
    return {"repeat": {"times": times, "steps": list(steps)}}


def endless(*steps: Step) -> Step:
    """The steps over and over, until the daemon leaves."""
    return {"repeat": {"steps": list(steps)}}


def fill(text: str, size: int) -> Step:
    """The text over and over, so many bytes in all; made while it is sent."""
    return {"fill": {"text": text, "bytes": size}}


def jitter(least: float, most: float, *, seed: int) -> Step:
    """What follows leaves up to so much later: another time each time, the same every run."""
    return {"wait": {"from": least, "to": most, "seed": seed}}


def attempts(*scripts: Script) -> Script:
    """The first request of an exchange is answered by the first script, and so on."""
    return {"attempts": list(scripts)}


def goaway(last: str | int, *, code: int = 0) -> Step:
    """HTTP/2: GOAWAY. last: `this` stream, the `previous` one, `all`, or a stream's number."""
    return {"goaway": {"last": last, "code": code}}


def settings(**values: int) -> Step:
    """HTTP/2: SETTINGS for the rest of the connection, by their names in lower case."""
    return {"settings": values}


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: str | int = 0) -> Step:
    """HTTP/2: any frame. stream: its number, or `this`."""
    text = base64.b64encode(payload).decode()
    return {"frame": {"type": kind, "flags": flags, "stream": stream, "payload_base64": text}}


def name_of(value: Script, *, scenario: str) -> str:
    """A name to register it under: the same for the same script, in every worker."""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return f"{scenario}-{digest[:8]}"
