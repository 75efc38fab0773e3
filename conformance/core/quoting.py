"""Quotations of evidence in a failed check: excerpts, places, times, the bytes that arrived.

All checks share this wording, so that `actual` and `where` read alike everywhere and
stay short. Times are relative to the exchange's beginning.
"""

from __future__ import annotations

from conformance.core.evidence import Ending, Event, Kind, Response

EXCERPT = 120
"""Characters of an excerpt: one line of a terminal, with room for the words around it."""

STRETCHED = 1.05
"""The scale from which a bound is shown as stretched."""

_ENDINGS = {
    Ending.EOF: "then EOF",
    Ending.MESSAGE: "then the end of the message",
    Ending.RESET: "then a connection reset",
    Ending.LEFT: "then the client left",
    Ending.DEADLINE: "and the connection is still open",
}


def excerpt(value: str | bytes, limit: int = EXCERPT) -> str:
    """The value as a literal; a long value without its middle, and with its length."""
    if len(value) <= limit:
        return repr(value)
    head, tail = limit * 2 // 3, limit // 3
    unit = "bytes" if isinstance(value, bytes) else "characters"
    return f"{value[:head]!r} … {value[-tail:]!r} ({len(value)} {unit})"


def plural(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def stretched(seconds: float, scale: float) -> str:
    """A bound on a machine slower than calm: `13 s: 2 s on a calm machine`; on a calm one `2 s`.

    seconds: on a calm machine.
    """
    if scale < STRETCHED:
        return f"{seconds:g} s"
    return f"{seconds * scale:.3g} s: {seconds:g} s on a calm machine"


def ending(response: Response) -> str:
    """How and when the connection ended: `then EOF at +0.013 s`."""
    transcript = response.transcript
    return f"{_ENDINGS[transcript.ending]} at {since(response, transcript.ended_at)}"


def since(response: Response, at: float) -> str:
    """A time as seconds after the exchange began: `+0.013 s`."""
    return f"{at - response.transcript.began_at:+.3f} s"


def place(response: Response, event: Event) -> str:
    """Where an event is: `event 4 at byte 212, +0.013 s`. Events count from 1."""
    number = response.events.index(event) + 1
    return f"event {number} at byte {event.offset}, {since(response, event.at)}"


def byte_place(response: Response, offset: int) -> str:
    """Where a byte of the response is: `byte 212, +0.013 s`; also right after the last one."""
    transcript = response.transcript
    if not transcript.reads:
        return "response"
    total = sum(len(read.data) for read in transcript.reads)
    at = transcript.at(min(offset, total - 1))
    return f"byte {offset}, {since(response, at)}"


def last_place(response: Response) -> str:
    """Where the response stops: its last event, or its last byte."""
    if response.events:
        return f"after {place(response, response.events[-1])}"
    if response.transcript.reads:
        return f"after {byte_place(response, len(response.transcript.raw))}"
    return "response"


def arrived(response: Response) -> str:
    """The part that arrived and how it ended: `3 events, then EOF at +0.013 s`."""
    if not response.transcript.reads:
        return f"nothing arrived, {ending(response)}"
    if response.status is None:
        return f"no readable head: {excerpt(response.transcript.raw)}, {ending(response)}"
    if response.events or (response.status == 200 and not response.body):
        return f"status {response.status}, {_events(response)}, {ending(response)}"
    return f"status {response.status}, body {excerpt(response.body)}, {ending(response)}"


def _events(response: Response) -> str:
    count = plural(len(response.events), "event")
    marks = [
        name
        for kind, name in ((Kind.ERROR, "an error"), (Kind.DONE, "[DONE]"))
        if any(event.kind is kind for event in response.events)
    ]
    return f"{count} (among them {' and '.join(marks)})" if marks else count
