"""A script as the frames of one HTTP/2 response.

Header blocks never touch the compression table, so they are the same bytes on
every connection. What leaves together is kept as the pieces between the places
where the stream's number goes: joining them with the number gives the frames of
any stream.
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
from mock_api.playing.exchange import Known, Reply, Request
from mock_api.playing.schedule import Burst, Heard, Piece, Reel, content_length, lay_out

_NOT_IN_HTTP2 = ("connection", "transfer-encoding")
"""What a script with raw framing says to HTTP/1.1 alone (RFC 9113 8.2.2)."""


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
    """One DATA frame, or several where the client's window is small."""

    data: bytes
    events: int
    """How many events are complete with its last byte."""
    end: bool = False
    """END_STREAM."""
    padding: int | None = None

    @property
    def overhead(self) -> int:
        """What one frame takes of the windows beside its data."""
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
    """There are header blocks among them."""
    signals: bool
    """There is more than header blocks and data among them: they are sent one by one."""
    pieces: tuple[bytes, ...]
    """The same, to be joined by the stream's number in four bytes."""
    window: int
    """How much of the flow-control windows it takes."""
    size: int
    events: int


@dataclass(frozen=True, slots=True)
class Response:
    """A script as the frames of one response."""

    reel: Reel[Segment]
    ending: Ending
    reset_code: int
    afterwards: Afterwards
    reset_after_end: int | None
    cuts: Cuts | None
    instant: Segment | None
    """All of it, where it is due at once, and ends the stream and nothing else."""


class KnownFrames(Known):
    """A known request's answer: the same frames every time, but for the stream's number."""

    __slots__ = ("generation", "pieces", "window")

    def __init__(self, request: Request, reply: Reply, response: Response, generation: int) -> None:
        segment = response.instant
        assert segment is not None
        super().__init__(request, reply, segment.size, response.reel.events)
        self.pieces = segment.pieces
        self.window = segment.window
        self.generation = generation
        """The app's, when it gave this reply."""


def compile_response(script: Script, *, body: bool) -> Response:
    """The script's frames; without a body where the request was HEAD."""
    ending = script.ending if body else Ending.CLEAN

    def segments(events: list[Dispatch], heard: Heard) -> Iterator[Segment]:
        if body:
            yield from _segments(script, events, heard)
        else:
            yield _segment(Burst(), (*_head(script), Data(b"", 0, end=True)))

    reel = Reel(script, segments)
    instant = None
    if reel.kept is not None and len(reel.kept) == 1 and not script.once:
        only = reel.kept[0]
        plain = ending is Ending.CLEAN and script.afterwards is Afterwards.KEEP
        alone = script.reset_after_end is None and script.cuts is None and not only.signals
        if plain and alone and not only.stall and not only.gate:
            instant = only
    code = script.reset_code if ending is Ending.RESET else INTERNAL_ERROR
    return Response(
        reel,
        ending,
        code,
        script.afterwards,
        script.reset_after_end if ending is Ending.CLEAN else None,
        script.cuts,
        instant,
    )


def _segments(script: Script, events: list[Dispatch], heard: Heard) -> Iterator[Segment]:
    """Everything, the head included, with the stream's end in the last one."""
    held: Burst | None = None
    items = _head(script)
    for burst in lay_out(script, events, heard):
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
        headers = [pair for pair in script.headers if pair[0] not in _NOT_IN_HTTP2]
        if script.framing is Framing.LENGTH:
            headers.append(("content-length", str(content_length(script))))
        blocks.append(((":status", str(script.status)), *headers))
    return [Block(_encoded(block), padding=script.padding) for block in blocks]


def _encoded(headers: Headers) -> bytes:
    # "Sensitive" fields are encoded as literals that no table remembers (RFC 7541 6.2.3).
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
        size=sum(map(len, wire)),
        events=sum(each.events for each in bodies),
    )


def _padded(kind: Type, flags: int, stream: int, payload: bytes, padding: int | None) -> bytes:
    if padding is not None:
        flags |= PADDED
        payload = bytes((padding,)) + payload + bytes(padding)
    return frame(kind, flags, stream, payload)


cached_response = lru_cache(maxsize=512)(compile_response)
"""The same for scripts that will be asked for again: those of patterns."""
