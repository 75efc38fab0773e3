"""One exchange as a page to read: both sides of the daemon, with times and offsets.

The bytes that the client received are cut where events begin, so that a stray byte is
visible in its place. Long streams and long lines are shown without their middle. Times
are seconds after the exchange began, on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

from conformance.core.evidence import JournalEntry, Observation, Response, SentEvent
from conformance.core.quoting import arrived, ending, excerpt, plural, since

T = TypeVar("T")

LINE = 84
"""Characters of bytes on a line: with time and offset it fits a terminal of 120 columns."""

_HEAD_LINES = 8
_EVENTS = 8
_SENT = 4
_REQUESTS = 2


def evidence_text(observation: Observation) -> str:
    """The observation for a human, in about thirty lines."""
    response = observation.response
    lines = [
        f"{response.transcript.opening:8} {excerpt(response.transcript.request, LINE)}",
        *(["client   nothing arrived"] if not response.transcript.reads else _client(response)),
        f"  {since(response, response.transcript.ended_at)}  {_ended(response)}",
        *_upstream(observation),
    ]
    return "\n".join(lines)


def _ended(response: Response) -> str:
    words, _, _ = ending(response).rpartition(" at ")
    total = len(response.transcript.raw)
    shown = words.removeprefix("then ").removeprefix("and ")
    return f"{shown}, after {total} bytes in {plural(len(response.transcript.reads), 'read')}"


def _client(response: Response) -> Iterator[str]:
    raw = response.transcript.raw
    head = raw[: response.body_offset].splitlines(keepends=True)
    yield f"client   {arrived(response).partition(',')[0]}"
    for line in _middle_left_out(head, _HEAD_LINES, lambda line: excerpt(line, LINE)):
        yield f"  {line}"
    cuts = [response.body_offset, *(event.offset for event in response.events), len(raw)]
    parts = [(start, end) for start, end in pairwise(cuts) if start < end]

    def shown(part: tuple[int, int]) -> str:
        start, end = part
        when = since(response, response.transcript.at(end - 1))
        return f"{when}  byte {start:<6} {excerpt(raw[start:end], LINE)}"

    for line in _middle_left_out(parts, _EVENTS, shown):
        yield f"  {line}"


def _upstream(observation: Observation) -> Iterator[str]:
    response, entries = observation.response, observation.upstream
    if not entries:
        yield "upstream the API received no request with this exchange's token"
    for entry in entries[:_REQUESTS]:
        yield from _request(response, entry)
    if entries[_REQUESTS:]:
        yield f"upstream {len(entries) - _REQUESTS} more requests"


def _request(response: Response, entry: JournalEntry) -> Iterator[str]:
    pattern = "the ordinary answer" if entry.pattern is None else f"pattern {entry.pattern!r}"
    key = "authorized" if entry.authorized else "NOT authorized"
    yield (
        f"upstream request {entry.id}: {entry.method} {entry.path}, {entry.protocol} over "
        f"{entry.transport}, {key}, {pattern} ({entry.source})"
    )
    yield f"  {since(response, entry.received_at)}  received {excerpt(entry.body, LINE)}"

    def sent(event: SentEvent) -> str:
        return f"{since(response, event.at)}  sent {excerpt(event.data, LINE)}"

    for line in _middle_left_out(entry.events, _SENT, sent):
        yield f"  {line}"
    ended = f"{entry.end.value.replace('_', ' ')}, status {entry.status}, {entry.bytes_sent} bytes"
    at = "          " if entry.ended_at is None else since(response, entry.ended_at)
    yield f"  {at}  {ended}, {plural(len(entry.events), 'event')}"


def _middle_left_out(things: Sequence[T], most: int, shown: Callable[[T], str]) -> list[str]:
    """A line for each; of too many only the first and the last, because quoting takes time."""
    if len(things) <= most:
        return list(map(shown, things))
    half = most // 2
    left_out = f"… {len(things) - 2 * half} more …"
    return [*map(shown, things[:half]), left_out, *map(shown, things[-half:])]
