"""Scripts as JSON: a written script reads as the same script."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from mock_api.language import builders as b
from mock_api.language.json_values import ScriptError
from mock_api.language.script import Attempts, Script
from mock_api.language.script_json import FIELDS, from_json, to_json
from mock_api.language.step_json import STEPS

STEP_PAIRS: list[tuple[Any, dict[str, Any]]] = [
    (b.write("text"), {"write": "text"}),
    (b.write(b"\xff"), {"write_base64": "/w=="}),
    (b.event({"ö": [1]}), {"event": {"ö": [1]}}),
    (b.delta("Hé"), {"delta": "Hé"}),
    (b.finish("stop"), {"finish": "stop"}),
    (b.done(), {"done": True}),
    (b.fill("ab", 200_001), {"fill": {"text": "ab", "bytes": 200_001}}),
    (b.raw(b"0\r\n"), {"raw": "0\r\n"}),
    (b.raw(b"\xff"), {"raw_base64": "/w=="}),
    (b.wait(0.5), {"wait": 0.5}),
    (b.gate(2), {"gate": 2}),
    (b.cut(), {"cut": True}),
    (b.stall(), {"stall": True}),
    (b.unit(b.write("a"), b.cut()), {"unit": [{"write": "a"}, {"cut": True}]}),
    (b.repeat(3, b.delta("x")), {"repeat": {"times": 3, "steps": [{"delta": "x"}]}}),
    (b.endless(b.delta("x")), {"repeat": {"steps": [{"delta": "x"}]}}),
    (b.goaway("previous", code=2), {"goaway": {"last": "previous", "code": 2}}),
    (b.settings(max_frame_size=20_000), {"settings": {"max_frame_size": 20_000}}),
    (
        b.frame(9, b"x", stream="this"),
        {"frame": {"type": 9, "flags": 0, "stream": "this", "payload_base64": "eA=="}},
    ),
]

FIELD_VALUES: dict[str, Any] = {
    "status": 201,
    "headers": {"a": "b"},
    "framing": "raw",
    "ending": "reset",
    "reset_code": 3,
    "hold": 2,
    "head": "HTTP/1.1 200 OK\r\n\r\n",
    "informational": [{"status": 103, "headers": {"link": "x"}}],
    "trailers": {"t": "1"},
    "chunk_extension": ";a",
    "padding": 3,
    "request": {"read": 4, "gate": 1},
    "reset_after_end": 0,
    "encoding": "gzip",
    "segment": 3,
    "cuts": [4, 9],
    "afterwards": "close",
}


def same(first: Script | Attempts, second: Script | Attempts) -> bool:
    """Whether the two have equal fields; scripts themselves compare by identity."""
    if isinstance(first, Attempts) or isinstance(second, Attempts):
        assert isinstance(first, Attempts)
        assert isinstance(second, Attempts)
        return all(same(*pair) for pair in zip(first.scripts, second.scripts, strict=True))
    return all(getattr(first, f.name) == getattr(second, f.name) for f in fields(Script))


@pytest.mark.parametrize(("step", "value"), STEP_PAIRS, ids=[next(iter(v)) for _, v in STEP_PAIRS])
def test_a_step_is_written_and_read(step: Any, value: dict[str, Any]) -> None:
    assert to_json(b.script(step)) == {"steps": [value]}
    assert same(from_json({"steps": [value]}), b.script(step))


def test_every_kind_of_step_and_every_field_is_tested() -> None:
    assert {next(iter(value)) for _, value in STEP_PAIRS} == set(STEPS)
    assert {"steps", *FIELD_VALUES} == set(FIELDS)


@pytest.mark.parametrize("name", FIELD_VALUES)
def test_a_field_is_written_and_read(name: str) -> None:
    script = b.script(b.delta("x"), **{name: FIELD_VALUES[name]})
    value = to_json(script)
    assert value[name] == FIELD_VALUES[name]
    assert same(from_json(value), script)


def test_attempts_are_written_and_read() -> None:
    scripts = b.attempts(b.script(status=503), b.finished(b.delta("x"), **FIELD_VALUES))
    assert same(from_json(to_json(scripts)), scripts)


def test_headers_that_are_there_twice_stay_two() -> None:
    script = b.script(headers=[["a", "1"], ["a", "2"]])
    assert to_json(script)["headers"] == [["a", "1"], ["a", "2"]]


def test_a_mistake_in_a_builder_names_the_field() -> None:
    with pytest.raises(ScriptError, match=r"^ending: expected one of clean, abort, reset, drop"):
        b.script(b.delta("x"), ending="soon")
    with pytest.raises(ScriptError, match="only the fields status"):
        b.script(endig="clean")
    with pytest.raises(ValueError, match="only writes, waits, gates and cuts"):
        b.unit(b.write("a"), b.stall())
