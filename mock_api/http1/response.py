"""A script as the bytes of one HTTP/1.1 response."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

from mock_api.language.cutting import Cuts
from mock_api.language.script import Afterwards, Ending, Framing, Headers, Script
from mock_api.language.sse import Dispatch
from mock_api.language.steps import Raw
from mock_api.playing.schedule import Piece, Schedule, WriteEvents, content_length, lay_out


@dataclass(frozen=True, slots=True)
class Segment:
    """Wire bytes that leave in one write."""

    wait: float
    gate: int
    stall: bool
    data: bytes
    marks: tuple[int, ...]
    """For each event that ends in `data`: after how many bytes it is complete."""


@dataclass(frozen=True, slots=True)
class Response:
    """A script as the bytes of one HTTP/1.1 response."""

    schedule: Schedule[Segment]
    ending: Ending
    close: bool
    """The connection ends with the response."""
    afterwards: Afterwards
    cuts: Cuts | None
    instant: bytes | None
    """All of it, if it is due at once and leaves the connection open."""


def compile_response(script: Script, keep_alive: bool, chunks: bool, body: bool) -> Response:
    """The script's bytes; `chunks`: the client knows the chunked coding (HTTP/1.0 does not)."""
    framing = script.framing
    if framing is Framing.CHUNKED and not chunks:
        framing = Framing.CLOSE
    ending = script.ending if body else Ending.CLEAN
    close = not keep_alive or framing is Framing.CLOSE or ending is not Ending.CLEAN
    head = _informational(script) + _head(script, framing, close)

    def segments(events: list[Dispatch], known: WriteEvents) -> Iterator[Segment]:
        if not body:
            yield Segment(0.0, 0, False, head, ())
            return
        yield from _segments(script, framing, head, events, known)

    schedule = Schedule(script, segments)
    instant = None
    if schedule.kept is not None and len(schedule.kept) == 1 and not close:
        only = schedule.kept[0]
        plain = script.afterwards is Afterwards.KEEP and script.cuts is None
        if plain and not only.stall and not only.gate:
            instant = only.data
    return Response(schedule, ending, close, script.afterwards, script.cuts, instant)


def _segments(
    script: Script, framing: Framing, head: bytes, events: list[Dispatch], known: WriteEvents
) -> Iterator[Segment]:
    """The head and the body; the body's end is in the last segment."""
    chunked = framing is Framing.CHUNKED
    extension = script.chunk_extension.encode()
    made: Segment | None = None
    for burst in lay_out(script, events, known):
        data = bytearray(b"" if made else head)
        marks = []
        for piece in burst.pieces:
            if not isinstance(piece, Piece):
                data += piece.data if isinstance(piece, Raw) else b""
                continue
            if chunked and piece.unit:
                data += b"%x%b\r\n" % (piece.unit, extension)
            marks += [len(data) + mark for mark in piece.marks]
            data += piece.data
            if chunked and piece.last:
                data += b"\r\n"
        if made:
            yield made
        made = Segment(burst.wait, burst.gate, burst.stall, bytes(data), tuple(marks))
    assert made is not None
    if chunked and script.ending is Ending.CLEAN:
        end = b"0%b\r\n%b\r\n" % (extension, _lines(script.trailers))
        made = Segment(made.wait, made.gate, made.stall, made.data + end, made.marks)
    yield made


def _informational(script: Script) -> bytes:
    return b"".join(
        _status_line(each.status) + _lines(each.headers) + b"\r\n" for each in script.informational
    )


def _head(script: Script, framing: Framing, close: bool) -> bytes:
    if script.head is not None:
        return script.head
    headers = list(script.all_headers)
    if framing is Framing.CHUNKED:
        headers.append(("transfer-encoding", "chunked"))
    elif framing is Framing.LENGTH:
        headers.append(("content-length", str(content_length(script))))
    if close and framing is not Framing.RAW:
        headers.append(("connection", "close"))
    return _status_line(script.status) + _lines(tuple(headers)) + b"\r\n"


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


def _lines(headers: Headers) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode()


cached_response = lru_cache(maxsize=512)(compile_response)
"""The same for scripts that other requests ask for too: those of patterns."""
