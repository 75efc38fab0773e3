"""A script as JSON, for the control API and for files.

    {"steps": [{"delta": "Hello"}, {"finish": "stop"}, {"done": true}], "ending": "abort"}

docs/control.md describes the fields; FIELDS holds how each is read and written. The reader
refuses what no protocol could send. It allows everything else: scripts break rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields as fields_of
from enum import Enum
from typing import Any, NamedTuple

from mock_api.language.cutting import Cuts
from mock_api.language.json_values import (
    Reader,
    ScriptError,
    bytes_of,
    fields,
    headers,
    many,
    member,
    text,
    whole,
)
from mock_api.language.reading import Reading
from mock_api.language.script import (
    Afterwards,
    Attempts,
    Encoding,
    Ending,
    Framing,
    Headers,
    Informational,
    Script,
)
from mock_api.language.step_json import step_json, steps
from mock_api.language.steps import Step

EVENT_STREAM = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))
"""The headers of a script without the field `headers`."""

_FRAMING_HEADERS = ("content-length", "transfer-encoding", "connection")
_EXTENSION = re.compile(r"[^\r\n]*")


def from_json(value: Any) -> Script | Attempts:
    """The script, or the attempts, in decoded JSON. Raises ScriptError."""
    if isinstance(value, dict) and "attempts" in value:
        readers: Mapping[str, Reader[Any]] = {"attempts": many(_script)}
        scripts = fields("", value, readers)["attempts"]
        if not scripts:
            raise ScriptError("attempts", "at least one script", scripts)
        return Attempts(scripts)
    return _script("", value)


def to_json(value: Script | Attempts) -> dict[str, Any]:
    """The JSON that `from_json` reads; fields that have their default are left out."""
    if isinstance(value, Attempts):
        return {"attempts": [to_json(script) for script in value.scripts]}
    shown: dict[str, Any] = {"steps": [step_json(step) for step in value.steps]}
    if value.headers != EVENT_STREAM:
        shown["headers"] = _headers_json(value.headers)
    if value.cuts is not None and value.cuts.segment is not None:
        shown["segment"] = value.cuts.segment
    if value.cuts is not None and value.cuts.offsets:
        shown["cuts"] = list(value.cuts.offsets)
    for field in fields_of(value):
        name = _NAMES.get(field.name, field.name)
        content = getattr(value, field.name)
        if name not in ("steps", "headers", "cuts") and content != field.default:
            shown[name] = FIELDS[name].write(content)
    return shown


def script_of(steps: tuple[Step, ...], given: Mapping[str, Any]) -> Script:
    """A script with these steps; the other fields as in JSON. Raises ScriptError."""
    readers = {name: field.read for name, field in FIELDS.items() if name != "steps"}
    return _made("", {**fields("", dict(given), readers), "steps": steps})


def _script(where: str, value: Any) -> Script:
    read = fields(where, value, {name: f.read for name, f in FIELDS.items()})
    if not read:
        raise ScriptError(
            where or "the script", "at least one field (an empty answer has `steps` of [])", value
        )
    return _made(where, read)


def _made(where: str, read: dict[str, Any]) -> Script:
    cuts = Cuts(read.pop("segment", None), read.pop("cuts", ()))
    if cuts != Cuts():
        read["cuts"] = cuts
    if "request" in read:
        read["reading"] = read.pop("request")
    script = Script(**{"headers": EVENT_STREAM, **read})
    if script.framing is not Framing.RAW:
        for name, _ in script.headers:
            if name in _FRAMING_HEADERS:
                raise ScriptError(
                    f"{where}.headers".lstrip("."),
                    "no framing headers unless 'framing' is raw",
                    name,
                )
    if script.framing is Framing.LENGTH and script.body_size is None:
        raise ScriptError(
            f"{where}.framing".lstrip("."), "no length for a body without end", "length"
        )
    return script


def _informational(where: str, value: Any) -> Informational:
    readers: Mapping[str, Reader[Any]] = {"status": whole(100, 199), "headers": headers}
    return Informational(**fields(where, value, readers, required=("status",)))


def _informational_json(responses: tuple[Informational, ...]) -> list[Any]:
    return [
        {"status": response.status, "headers": _headers_json(response.headers)}
        for response in responses
    ]


def _headers_json(pairs: Headers) -> dict[str, str] | list[list[str]]:
    by_name = dict(pairs)
    return by_name if len(by_name) == len(pairs) else [list(pair) for pair in pairs]


def _extension(where: str, value: Any) -> str:
    if not _EXTENSION.fullmatch(text(where, value)):
        raise ScriptError(where, "a text without line ends", value)
    return str(value)


def _reading(where: str, value: Any) -> Reading:
    readers: Mapping[str, Reader[Any]] = {"read": whole(0, 2**31), "gate": whole(1, 2**31)}
    read = fields(where, value, readers, required=("read",))
    return Reading(read["read"], read.get("gate", 0))


def _reading_json(reading: Reading) -> dict[str, int]:
    return {"read": reading.size, **({"gate": reading.gate} if reading.gate else {})}


def _offsets(where: str, value: Any) -> tuple[int, ...]:
    return tuple(sorted(many(whole(1, 2**53))(where, value)))


def _same(value: Any) -> Any:
    return value


def _value(member: Enum) -> Any:
    return member.value


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogatepass")


class Field(NamedTuple):
    """A field of a script: how it is read from JSON and written as JSON."""

    read: Reader[Any]
    write: Callable[[Any], Any] = _same


FIELDS: Mapping[str, Field] = {
    "status": Field(whole(200, 599)),
    "headers": Field(headers, _headers_json),
    "steps": Field(steps),
    "framing": Field(member(Framing), _value),
    "ending": Field(member(Ending), _value),
    "reset_code": Field(whole(0, 2**32 - 1)),
    "hold": Field(whole(1, 2**31)),
    "head": Field(bytes_of, _text),
    "informational": Field(many(_informational), _informational_json),
    "trailers": Field(headers, _headers_json),
    "chunk_extension": Field(_extension),
    "padding": Field(whole(0, 255)),
    "request": Field(_reading, _reading_json),
    "reset_after_end": Field(whole(0, 2**32 - 1)),
    "encoding": Field(member(Encoding), _value),
    "segment": Field(whole(1, 2**31)),
    "cuts": Field(_offsets),
    "afterwards": Field(member(Afterwards), _value),
}

_NAMES = {"reading": "request"}
"""The names of fields that differ in JSON."""
