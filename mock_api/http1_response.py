"""A script as the bytes of one HTTP/1.1 response."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus

from mock_api.script import Ending, Framing, Raw, Script
from mock_api.sse import Dispatch
from mock_api.tape import lay_out


@dataclass(frozen=True, slots=True)
class Segment:
    """Wire bytes that leave in one write."""

    wait: float
    gate: int
    stall: bool
    data: bytes
    marks: tuple[int, ...]
    """After how many bytes an event is complete, for each that becomes so."""


@dataclass(frozen=True, slots=True)
class Response:
    """A script as the bytes of one HTTP/1.1 response."""

    segments: tuple[Segment, ...]
    events: tuple[Dispatch, ...]
    ending: Ending
    close: bool
    """The connection ends with the response."""
    instant: bool
    """It is one segment, due at once, and leaves the connection open."""


def compile_response(script: Script, *, keep_alive: bool, chunks: bool, body: bool) -> Response:
    """The script's bytes; `chunks` says that the client knows them (not HTTP/1.0)."""
    framing = script.framing
    if framing is Framing.CHUNKED and not chunks:
        framing = Framing.CLOSE
    close = not keep_alive or framing is Framing.CLOSE or script.ending is not Ending.CLEAN
    head = _head(script, framing, close)
    if not body:
        whole = Segment(0.0, 0, False, head, ())
        return Response((whole,), (), Ending.CLEAN, close, not close)
    tape = lay_out(script)
    chunked = framing is Framing.CHUNKED
    segments: list[Segment] = []
    for burst in tape.bursts:
        data = bytearray(b"" if segments else head)
        marks = []
        for piece in burst.pieces:
            if isinstance(piece, Raw):
                data += piece.data
                continue
            if chunked and piece.unit:
                data += b"%x\r\n" % piece.unit
            marks += [len(data) + mark for mark in piece.marks]
            data += piece.data
            if chunked and piece.last:
                data += b"\r\n"
        segments.append(Segment(burst.wait, burst.gate, burst.stall, bytes(data), tuple(marks)))
    if chunked and script.ending is Ending.CLEAN:
        last = segments.pop()
        ended = last.data + b"0\r\n" + _fields(script.trailers).encode() + b"\r\n"
        segments.append(Segment(last.wait, last.gate, last.stall, ended, last.marks))
    first = segments[0]
    instant = len(segments) == 1 and not (close or first.gate or first.stall)
    return Response(tuple(segments), tape.events, script.ending, close, instant)


def _head(script: Script, framing: Framing, close: bool) -> bytes:
    before = "".join(
        _status(status) + _fields(headers) + "\r\n" for status, headers in script.informational
    )
    if script.head is not None:
        return before.encode() + script.head
    fields = list(script.headers)
    if framing is Framing.CHUNKED:
        fields.append(("transfer-encoding", "chunked"))
    elif framing is Framing.LENGTH:
        fields.append(("content-length", str(len(script.body))))
    if close and framing is not Framing.RAW:
        fields.append(("connection", "close"))
    return (before + _status(script.status) + _fields(fields) + "\r\n").encode()


def _status(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n"


def _fields(fields: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in fields)


cached_response = lru_cache(maxsize=512)(compile_response)
"""The same for scripts that will be asked for again: those of patterns."""
