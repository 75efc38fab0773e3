"""A script written as JSON, for registering it through the control API.

    {"steps": [{"delta": "Hello"}, {"finish": "stop"}, {"done": true}], "ending": "abort"}

Each field has its reader below; docs/control.md describes them. What no protocol
could send is refused here, and everything else is allowed: a script is there to
break rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

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
from mock_api.language.script import (
    Afterwards,
    Attempts,
    Encoding,
    Ending,
    Framing,
    Informational,
    Script,
)
from mock_api.language.step_json import steps
from mock_api.net.reading import Reading

EVENT_STREAM = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))
"""The headers of a script that names none."""

_FRAMING_HEADERS = ("content-length", "transfer-encoding", "connection")
_EXTENSION = re.compile(r"[^\r\n]*")


def read_script(value: Any) -> Script | Attempts:
    """The script, or the scripts, that the decoded JSON describes. Raises ScriptError."""
    if isinstance(value, dict) and "attempts" in value:
        readers: Mapping[str, Reader[Any]] = {"attempts": many(_script)}
        scripts = fields("", value, readers)["attempts"]
        if not scripts:
            raise ScriptError("attempts", "at least one script", scripts)
        return Attempts(tuple(replace(script, once=True) for script in scripts))
    return _script("", value)


def _script(where: str, value: Any) -> Script:
    read = fields(where, value, FIELDS)
    cuts = Cuts(read.pop("segment", None), read.pop("cuts", ()))
    if cuts != Cuts():
        read["cuts"] = cuts
    if "request" in read:
        read |= {"reading": read.pop("request"), "once": True}
    script = Script(**{"headers": EVENT_STREAM, **read})
    if script.encoding is Encoding.GZIP:
        script = replace(script, headers=(*script.headers, ("content-encoding", "gzip")))
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


def _extension(where: str, value: Any) -> str:
    if not _EXTENSION.fullmatch(text(where, value)):
        raise ScriptError(where, "a text without line ends", value)
    return str(value)


def _reading(where: str, value: Any) -> Reading:
    readers: Mapping[str, Reader[Any]] = {"read": whole(0, 2**31), "gate": whole(1, 2**31)}
    read = fields(where, value, readers, required=("read",))
    return Reading(read["read"], read.get("gate", 0))


def _offsets(where: str, value: Any) -> tuple[int, ...]:
    offsets = many(whole(1, 2**53))(where, value)
    return tuple(sorted(offsets))


FIELDS: Mapping[str, Reader[Any]] = {
    "status": whole(200, 599),
    "headers": headers,
    "steps": steps,
    "framing": member(Framing),
    "ending": member(Ending),
    "reset_code": whole(0, 2**32 - 1),
    "hold": whole(1, 2**31),
    "head": bytes_of,
    "informational": many(_informational),
    "trailers": headers,
    "chunk_extension": _extension,
    "padding": whole(0, 255),
    "request": _reading,
    "reset_after_end": whole(0, 2**32 - 1),
    "encoding": member(Encoding),
    "segment": whole(1, 2**31),
    "cuts": _offsets,
    "afterwards": member(Afterwards),
}
"""The fields of a script, and how each is read."""
