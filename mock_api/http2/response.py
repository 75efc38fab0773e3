"""A script as the frames of one HTTP/2 response.

Header blocks do not use the compression table, so they are the same bytes on every
connection. The frames of one write are kept in pieces: the stream's number goes between
them. Joining the pieces with the number gives the frames of any stream.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import hpack

from mock_api.http2.frames import END_HEADERS, END_STREAM, FRAME_SIZE, PADDED, Type, frame
from mock_api.language.cutting import Cuts
from mock_api.language.script import INTERNAL_ERROR, Afterwards, Ending, Framing, Headers, Script
from mock_api.language.sse import Dispatch
from mock_api.language.steps import Raw, Signal
from mock_api.playing.schedule import (
    Burst,
    Piece,
    Schedule,
    WriteEvents,
    content_length,
    lay_out,
)

_NOT_IN_HTTP2 = ("connection", "transfer-encoding")
"""Headers of a script with raw framing that are only for HTTP/1.1 (RFC 9113 8.2.2)."""


@dataclass(frozen=True, slots=True)
class Block:
    """One HEADERS frame."""

    block: bytes
    end: bool = False
    """END_STREAM."""
    padding: int | None = None

    def frame(self, stream: int) -> bytes:
        flags = END_HEADERS | (END_STREAM if self.end else 0)
        return _padded(Type.HEADERS, flags, stream, self.block, self.padding)


@dataclass(frozen=True, slots=True)
class Data:
    """One DATA frame, or several if the client's window is small."""

    data: bytes
    events: int
    """How many events its last byte completes."""
    end: bool = False
    """END_STREAM."""
    padding: int | None = None

    @property
    def overhead(self) -> int:
        """What one frame takes of the windows in addition to its data."""
        return 0 if self.padding is None else 1 + self.padding

    def frame(self, stream: int) -> bytes:
        flags = END_STREAM if self.end else 0
        return _padded(Type.DATA, flags, stream, self.data, self.padding)


Item = Block | Data | Signal


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames that leave in one write."""

    wait: float
    gate: int
    stall: bool
    items: tuple[Item, ...]
    heads: bool
    """Some of them are header blocks."""
    signals: bool
    """Some of them are neither header blocks nor data: they are sent one by one."""
    pieces: tuple[bytes, ...]
    """The frames in pieces, to be joined with the stream's number in four bytes."""
    window: int
    """How much of the flow-control windows it takes."""
    events: int


@dataclass(frozen=True, slots=True)
class Response:
    """A script as the frames of one response."""

    schedule: Schedule[Segment]
    ending: Ending
    reset_code: int
    afterwards: Afterwards
    reset_after_end: int | None
    cuts: Cuts | None
    instant: Segment | None
    """All of it, if it is due at once and ends only the stream."""


def compile_response(script: Script, body: bool) -> Response:
    """The script's frames; `body`: False for a HEAD request."""
    ending = script.ending if body else Ending.CLEAN

    def segments(events: list[Dispatch], known: WriteEvents) -> Iterator[Segment]:
        if body:
            yield from _segments(script, events, known)
        else:
            yield _segment(Burst(), (*_head(script), Data(b"", 0, end=True)))

    schedule = Schedule(script, segments)
    instant = None
    if schedule.kept is not None and len(schedule.kept) == 1:
        only = schedule.kept[0]
        plain = ending is Ending.CLEAN and script.afterwards is Afterwards.KEEP
        alone = script.reset_after_end is None and script.cuts is None and not only.signals
        if plain and alone and not only.stall and not only.gate:
            instant = only
    code = script.reset_code if ending is Ending.RESET else INTERNAL_ERROR
    return Response(
        schedule,
        ending,
        code,
        script.afterwards,
        script.reset_after_end if ending is Ending.CLEAN else None,
        script.cuts,
        instant,
    )


def _segments(script: Script, events: list[Dispatch], known: WriteEvents) -> Iterator[Segment]:
    """The head and the body; the stream's end is in the last segment."""
    held: Burst | None = None
    items = _head(script)
    for burst in lay_out(script, events, known):
        if held is not None:
            yield _segment(held, tuple(items))
            items = []
        held = burst
        items += _frames(burst, script.padding)
    assert held is not None
    if script.ending is Ending.CLEAN:
        if script.trailers:
            items.append(Block(_encoded(script.trailers), end=True, padding=script.padding))
        else:
            last = items.pop() if items and isinstance(items[-1], Data) else Data(b"", 0)
            assert isinstance(last, Data)
            items.append(Data(last.data, last.events, end=True, padding=last.padding))
    yield _segment(held, tuple(items))


def _head(script: Script) -> list[Item]:
    """The header blocks before the body."""
    blocks = [((":status", str(each.status)), *each.headers) for each in script.informational]
    if script.head != b"":
        headers = [pair for pair in script.all_headers if pair[0] not in _NOT_IN_HTTP2]
        if script.framing is Framing.LENGTH:
            headers.append(("content-length", str(content_length(script))))
        blocks.append(((":status", str(script.status)), *headers))
    return [Block(_encoded(block), padding=script.padding) for block in blocks]


def _encoded(headers: Headers) -> bytes:
    # "Sensitive" fields are literals that never enter a table (RFC 7541 6.2.3).
    fields = [(name, value, True) for name, value in headers]
    return hpack.Encoder().encode(fields, huffman=False)


def _frames(burst: Burst, padding: int | None) -> Iterator[Item]:
    most = FRAME_SIZE if padding is None else FRAME_SIZE - 1 - padding
    for piece in burst.pieces:
        if not isinstance(piece, Piece):
            if not isinstance(piece, Raw):
                yield piece
            continue
        for at in range(0, len(piece.data), most):
            data = piece.data[at : at + most]
            events = sum(at < mark <= at + len(data) for mark in piece.marks)
            yield Data(data, events, padding=padding)


def _segment(burst: Burst, items: tuple[Item, ...]) -> Segment:
    wire = [item.frame(0) for item in items if isinstance(item, (Block, Data))]
    payloads = [b"", *(each[9:] for each in wire)]
    headers = [*(each[:5] for each in wire), b""]
    pieces = map(operator.add, payloads, headers)
    bodies = [item for item in items if isinstance(item, Data)]
    return Segment(
        burst.wait,
        burst.gate,
        burst.stall,
        items,
        any(isinstance(item, Block) for item in items),
        len(wire) < len(items),
        tuple(pieces),
        window=sum(len(each.data) + each.overhead for each in bodies),
        events=sum(each.events for each in bodies),
    )


def _padded(kind: Type, flags: int, stream: int, payload: bytes, padding: int | None) -> bytes:
    if padding is not None:
        flags |= PADDED
        payload = bytes((padding,)) + payload + bytes(padding)
    return frame(kind, flags, stream, payload)


cached_response = lru_cache(maxsize=512)(compile_response)
"""The same for scripts that other requests ask for too: those of patterns."""
