"""The chunks that the API sent, decoded, to compare with those that arrived."""

from __future__ import annotations

from typing import Any

from conformance.core import chunk, exact_json
from conformance.core.evidence import JournalEntry, Kind


def chunks(entry: JournalEntry) -> list[Any]:
    """The chunks that the API sent before its `[DONE]`, decoded."""
    values = []
    for event in entry.events:
        if event.type != "message":
            continue  # a named event is not part of the answer
        value = decoded(event.data)
        kind = chunk.kind_of(event.data, value)
        if kind is Kind.DONE:
            break
        if kind is Kind.CHUNK:
            values.append(value)
    return values


def texts(entry: JournalEntry) -> list[str]:
    """The texts of choice 0, one for each chunk that has one."""
    return [text for value in chunks(entry) if (text := chunk.text_of(value))]


def decoded(text: str | bytes) -> Any:
    """The decoded value; None where it is not JSON."""
    try:
        return exact_json.decode(text)
    except ValueError:
        return None
