"""Scripts: what the API does when no pattern does it, step by step.

A scenario writes its script next to its checks. The values are the mock API's own
(`mock_api.language`); docs/control.md describes them.

    script(delta("Hello"), gate(1), delta(" world"), finish("stop"), done())
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from mock_api.language.builders import (
    attempts,
    cut,
    delta,
    done,
    endless,
    event,
    fill,
    finish,
    finished,
    frame,
    gate,
    gated,
    goaway,
    raw,
    repeat,
    script,
    settings,
    stall,
    unit,
    wait,
    write,
)
from mock_api.language.json_values import ScriptError
from mock_api.language.script import Attempts
from mock_api.language.script import Script as SingleScript
from mock_api.language.script_json import from_json, to_json
from mock_api.language.steps import Step

__all__ = [
    "Script",
    "ScriptError",
    "SingleScript",
    "Step",
    "attempts",
    "chunk",
    "cut",
    "data",
    "delta",
    "done",
    "endless",
    "event",
    "fill",
    "finish",
    "finished",
    "frame",
    "from_json",
    "gate",
    "gated",
    "goaway",
    "name_of",
    "raw",
    "repeat",
    "script",
    "settings",
    "stall",
    "to_json",
    "unit",
    "wait",
    "write",
]

Script = SingleScript | Attempts


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


def name_of(value: Script, *, scenario: str) -> str:
    """A name to register it under: the same for equal scripts, in every worker."""
    text = json.dumps(to_json(value), sort_keys=True)
    return f"{scenario}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
