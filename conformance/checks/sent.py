"""What the API sent, decoded: the other half of every comparison with what arrived."""

from __future__ import annotations

from typing import Any

from conformance.core import chunk as delta
from conformance.core import exact_json as exact
from conformance.core.evidence import JournalEntry, Kind


def chunks(entry: JournalEntry) -> list[Any]:
    """The chunks that the API sent before its `[DONE]`, decoded."""
    found = []
    for event in entry.events:
        if event.type != "message":
            continue  # a `ping` is no part of the answer, whatever its data
        value = decoded(event.data)
        kind = delta.kind_of(event.data, value)
        if kind is Kind.DONE:
            break
        if kind is Kind.CHUNK:
            found.append(value)
    return found


def texts(entry: JournalEntry) -> list[str]:
    """The texts of choice 0, one for each chunk that has one."""
    return [text for chunk in chunks(entry) if (text := delta.text_of(chunk))]


def decoded(text: str | bytes) -> Any:
    """The decoded value; None where it is no JSON."""
    try:
        return exact.decode(text)
    except ValueError:
        return None
