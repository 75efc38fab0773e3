"""Records: what a scenario saw of both sides, as JSON types with a bounded size.

A record has the exchanges of the clients, the requests that the API received, the lines
that the daemon logged meanwhile, and the names of the checks that held. Every scenario
has one, also a scenario that passed. All times are seconds after the scenario's start.
A record keeps the beginning and the end of what is too long. `left_out` says how many
things are missing, and the `size` of a quotation says how long the original is.
docs/results.schema.json describes the form.

A run has thousands of records, so they are packed (zlib) as soon as they exist.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from conformance.core.evidence import JournalEntry, Observation
from conformance.core.masking import masked

T = TypeVar("T")
Json = dict[str, Any]

EXCHANGES = 8
"""Exchanges of a scenario that are kept; failed ones go first."""

PARTS = 48
"""Reads, frames or events of one exchange that are kept."""

ROOM = 32 * 1024
"""Bytes of one scenario that are quoted from the reads of its exchanges, shared among them; as
many again from their events, and from the events that the API sent."""

LEAST = 48
"""Bytes of a quotation at least, however many there are."""

BODY = 4096
"""Bytes of a request's body that are quoted."""

LOG = 4096
"""Characters of the daemon's log that are kept."""

_SECRET = re.compile(rb"(?im)^((?:authorization|x-api-key):[ \t]*(?:bearer[ \t]+)?)\S+")
"""The value of a header that holds an API key."""

PACKING = 3
"""Level of zlib: a third of a millisecond for a record, and ten times smaller."""


def pack(record: Json) -> bytes:
    """The record as compressed JSON, without the keys that the suite gives to daemons."""
    text = masked(json.dumps(record, ensure_ascii=False, separators=(",", ":")))
    return zlib.compress(text.encode(errors="backslashreplace"), PACKING)


def unpack(packed: bytes) -> Json:
    """The inverse of pack; an empty record for no bytes."""
    record: Json = json.loads(zlib.decompress(packed)) if packed else empty()
    return record


def masked_record(packed: bytes, key: str) -> bytes:
    """The packed record without this API key."""
    text = zlib.decompress(packed).decode() if packed else ""
    return zlib.compress(masked(text, key).encode(), PACKING) if key in text else packed


def empty() -> Json:
    """The record of a scenario that was not played."""
    return {"exchanges": [], "requests": [], "held": [], "log": "", "left_out": {}}


def quote(value: bytes | str, limit: int) -> Json:
    """The beginning of a value, as `text` where it is text and as `base64` else.

    limit: in bytes or characters. A `size` is given where the value is longer.
    """
    shown = value[:limit]
    size = {"size": len(value)} if len(value) > limit else {}
    if isinstance(shown, str):
        return {"text": shown, **size}
    try:
        return {"text": shown.decode(), **size}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(shown).decode(), **size}


def kept(
    things: Sequence[T], shown: Callable[[T], Json], most: int = PARTS
) -> tuple[list[Json], int]:
    """As JSON the first two thirds and the last third of `most` things; how many are left out."""
    if len(things) <= most:
        return list(map(shown, things)), 0
    tail = most // 3
    head = [*things[: most - tail], *things[-tail:]]
    return list(map(shown, head)), len(things) - most


def share(exchanges: int, parts: int) -> int:
    """How many bytes each of these parts may quote in one of these exchanges."""
    return max(LEAST, ROOM // max(1, exchanges) // max(1, min(parts, PARTS)))


def exchange(
    observation: Observation, *, start: float, among: int, marks: Sequence[tuple[float, str]]
) -> Json:
    """The client's side of one relayed exchange.

    start: the scenario's, in monotonic seconds. among: the number of exchanges that share
    the room. marks: what the client did besides reading, with its times.
    """
    response = observation.response
    transcript = response.transcript
    limit = share(among, len(transcript.reads))
    reads, reads_left_out = kept(
        transcript.reads, lambda read: part(start, read.at, "read", read.data, limit)
    )
    events, events_left_out = kept(
        response.events,
        lambda event: {
            "at": _after(start, event.at),
            "offset": event.offset,
            "kind": event.kind.value,
            "type": event.type,
            "data": quote(event.data, share(among, len(response.events))),
        },
    )
    asked = _SECRET.sub(rb"\1***", transcript.request)
    opened = part(start, transcript.began_at, transcript.opening, asked, BODY, sent=True)
    return {
        "opening": transcript.opening,
        "began": _after(start, transcript.began_at),
        "parts": [opened, *reads],
        "events": events,
        "status": response.status,
        "headers": [list(pair) for pair in response.headers],
        "violations": [
            {"rule": each.rule, "found": each.found[:BODY], "offset": each.offset}
            for each in response.violations[:PARTS]
        ],
        "marks": noted(marks, start=start),
        "ending": transcript.ending.value,
        "ended": _after(start, transcript.ended_at),
        "size": sum(len(part.data) for part in transcript.reads),
        "left_out": _counts(parts=reads_left_out, events=events_left_out),
    }


def conversation(
    opening: str,
    began_at: float,
    parts: Sequence[Json],
    *,
    left_out: int,
    ending: str,
    ended_at: float,
    start: float,
    marks: Sequence[tuple[float, str]] = (),
) -> Json:
    """The client's side of a conversation in frames or requests; parts: see `part`."""
    return {
        "opening": opening,
        "began": _after(start, began_at),
        "parts": list(parts),
        "events": [],
        "status": None,
        "headers": [],
        "violations": [],
        "marks": noted(marks, start=start),
        "ending": ending,
        "ended": _after(start, ended_at),
        "size": sum(_size(each["data"]) for each in parts if not each["sent"]),
        "left_out": _counts(parts=left_out),
    }


def part(
    start: float, at: float, what: str, data: bytes | str, limit: int, *, sent: bool = False
) -> Json:
    """One read or frame of the client's, or (`sent`) what it sent itself."""
    return {"at": _after(start, at), "sent": sent, "what": what, "data": quote(data, limit)}


def noted(marks: Sequence[tuple[float, str]], *, start: float) -> list[Json]:
    """What a client did besides reading, with its times."""
    return [{"at": _after(start, at), "what": what} for at, what in marks[:PARTS]]


def request(entry: JournalEntry, *, start: float, among: int, of: int | None = None) -> Json:
    """One request as the API received and answered it. of: the index of its exchange."""
    limit = share(among, len(entry.events))
    events, _ = kept(
        entry.events,
        lambda event: {
            "at": _after(start, event.at),
            "type": event.type,
            "data": quote(event.data, limit),
        },
    )
    return {
        "exchange": of,
        "id": entry.id,
        "at": _after(start, entry.received_at),
        "method": entry.method,
        "path": entry.path,
        "protocol": entry.protocol,
        "transport": entry.transport,
        "authorized": entry.authorized,
        "pattern": entry.pattern,
        "source": entry.source,
        "headers": [list(pair) for pair in entry.headers],
        "body": quote(entry.body, BODY),
        "status": entry.status,
        "size": entry.bytes_sent,
        "events": events,
        "ending": entry.end.value,
        "ended": None if entry.ended_at is None else _after(start, entry.ended_at),
        "left_out": _counts(events=max(0, entry.events_sent - len(events))),
    }


def with_log(record: Json, log: str) -> Json:
    """The record with the lines that the daemon wrote meanwhile: the last ones, if too many."""
    left_out = {**record["left_out"], **_counts(log=max(0, len(log) - LOG))}
    return {**record, "log": log[-LOG:], "left_out": left_out}


def _counts(**left_out: int) -> dict[str, int]:
    return {name: number for name, number in left_out.items() if number}


def _size(quotation: Json) -> int:
    text = quotation.get("text")
    length = (
        len(text.encode(errors="replace"))
        if text is not None
        else len(quotation["base64"]) * 3 // 4
    )
    return int(quotation.get("size", length))


def _after(start: float, at: float) -> float:
    return round(at - start, 6)
