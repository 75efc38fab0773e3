"""A script as the frames of one HTTP/2 response.

The header block never touches the compression table, so it is the same bytes on
every connection. What leaves together is kept as the pieces between the places
where the stream's number goes: joining them with the number gives the frames of
any stream.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import lru_cache

import hpack

from mock_api.exchange import Known, Reply, Request
from mock_api.http2_frames import END_HEADERS, END_STREAM, FRAME_SIZE, Type, frame
from mock_api.script import Ending, Framing, Raw, Script
from mock_api.sse import Dispatch
from mock_api.tape import Burst, lay_out


@dataclass(frozen=True, slots=True)
class Data:
    """One DATA frame, or less where the client's window is small."""

    data: bytes
    events: int
    """How many events are complete with its last byte."""
    end: bool
    """END_STREAM."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames that leave in one write."""

    wait: float
    gate: int
    stall: bool
    block: bytes | None
    """The header block, in the first segment."""
    frames: tuple[Data, ...]
    pieces: tuple[bytes, ...]
    """The same, to be joined by the stream's number in four bytes."""
    window: int
    """How much of the flow-control windows it takes."""
    size: int
    events: int


@dataclass(frozen=True, slots=True)
class Response:
    """A script as the frames of one response."""

    segments: tuple[Segment, ...]
    events: tuple[Dispatch, ...]
    ending: Ending
    reset_code: int
    instant: bool
    """It is one segment, due at once, and ends the stream."""


class KnownFrames(Known):
    """A known request's answer: the same frames every time, but for the stream's number."""

    __slots__ = ("generation", "pieces", "window")

    def __init__(self, request: Request, reply: Reply, response: Response, generation: int) -> None:
        segment = response.segments[0]
        super().__init__(request, reply, segment.size, response.events)
        self.pieces = segment.pieces
        self.window = segment.window
        self.generation = generation
        """The app's, when it gave this reply."""


def compile_response(script: Script, *, body: bool) -> Response:
    """The script's frames; without a body where the request was HEAD."""
    tape = lay_out(script)
    clean = script.ending is Ending.CLEAN
    block = _header_block(script)
    if not body:
        head = _segment(Burst(), block, (), end=True)
        return Response((head,), (), Ending.CLEAN, 0, True)
    segments = tuple(
        _segment(
            burst,
            None if index else block,
            tuple(_frames(burst)),
            end=clean and index == len(tape.bursts) - 1,
        )
        for index, burst in enumerate(tape.bursts)
    )
    instant = len(segments) == 1 and clean and not script.hold
    return Response(segments, tape.events, script.ending, script.reset_code, instant)


def _header_block(script: Script) -> bytes | None:
    if script.head == b"":
        return None
    fields = [(":status", str(script.status)), *script.headers]
    if script.framing is Framing.LENGTH:
        fields.append(("content-length", str(len(script.body))))
    # "Sensitive" fields are encoded as literals that no table remembers (RFC 7541 6.2.3).
    encoder = hpack.Encoder()
    return encoder.encode([(name, value, True) for name, value in fields], huffman=False)


def _frames(burst: Burst) -> list[Data]:
    frames = []
    for piece in burst.pieces:
        if isinstance(piece, Raw):
            continue
        marks = list(piece.marks)
        for at in range(0, len(piece.data), FRAME_SIZE):
            data = piece.data[at : at + FRAME_SIZE]
            events = sum(at < mark <= at + len(data) for mark in marks)
            frames.append(Data(data, events, end=False))
    return frames


def _segment(burst: Burst, block: bytes | None, frames: tuple[Data, ...], *, end: bool) -> Segment:
    if end:
        *before, last = frames or (Data(b"", 0, end=False),)
        frames = (*before, Data(last.data, last.events, end=True))
    wire = [] if block is None else [frame(Type.HEADERS, END_HEADERS, 0, block)]
    wire += [frame(Type.DATA, END_STREAM if each.end else 0, 0, each.data) for each in frames]
    payloads = [b"", *(each[9:] for each in wire)]
    headers = [*(each[:5] for each in wire), b""]
    pieces = map(operator.add, payloads, headers)
    return Segment(
        burst.wait,
        burst.gate,
        burst.stall,
        block,
        frames,
        tuple(pieces),
        window=sum(len(each.data) for each in frames),
        size=sum(map(len, wire)),
        events=sum(each.events for each in frames),
    )


cached_response = lru_cache(maxsize=512)(compile_response)
"""The same for scripts that will be asked for again: those of patterns."""
