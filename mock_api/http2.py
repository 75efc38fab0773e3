"""HTTP/2: one connection, many requests at once (RFC 9113).

What comes is read frame by frame and answered when the read is done, so that all
that one read causes leaves in one write. What is to be sent passes three gates:
the stream's window, the connection's window, and the room in the Outbox, which
holds no more than the kernel will soon take. A stream that finds one of them
closed waits, and is resumed when it opens; nothing is ever sent ahead.

The client's mistakes are of two kinds. A Http2StreamError resets the stream; a
Http2ConnectionError says GOAWAY, and ends the connection.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from mock_api import http2_frames as frames
from mock_api.exchange import Entry, Later, Peer, Reply, Request
from mock_api.http2_frames import (
    ACK,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    MOST_WINDOW,
    PREFACE,
    Code,
    FrameReader,
    Http2ConnectionError,
    Http2StreamError,
    Setting,
    Type,
)
from mock_api.http2_heads import MOST_HEADERS, HeadReader
from mock_api.http2_outbox import Outbox
from mock_api.http2_request import Head
from mock_api.http2_response import KnownFrames, cached_response, compile_response
from mock_api.http2_sending import Sending
from mock_api.script import Script

if TYPE_CHECKING:
    from mock_api.app import App
    from mock_api.connection import Connection

MOST_BODY = 16 * 1024 * 1024
MOST_STREAMS = 1000
"""Streams a client may have at once on one connection."""

STREAM_WINDOW = 1024 * 1024
CONNECTION_WINDOW = 16 * 1024 * 1024
"""What a client may send before we grant more: requests are never held up by us."""

SETTINGS = frames.settings(
    {
        Setting.MAX_CONCURRENT_STREAMS: MOST_STREAMS,
        Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
        Setting.MAX_HEADER_LIST_SIZE: MOST_HEADERS,
    }
)
GREETING = SETTINGS + frames.window_update(0, CONNECTION_WINDOW - DEFAULT_WINDOW)


KNOWN_SIZE = 4096
MOST_KNOWN = 16
"""The longest request body that is remembered, and how many are with one head."""


class Stream:
    """A stream that is not closed."""

    __slots__ = ("body", "complete", "head", "id", "received", "reply", "room", "window")

    def __init__(self, number: int, head: Head, window: int) -> None:
        self.id = number
        self.head = head
        self.body: list[bytes] = []
        self.received = 0
        """Bytes of the body so far."""
        self.complete = False
        """The request is: END_STREAM came."""
        self.room = STREAM_WINDOW
        """What the client may still send."""
        self.window = window
        """What we may still send; below zero after a SETTINGS frame that lowered it."""
        self.reply: Sending | Later | None = None


class Http2:
    """One HTTP/2 connection."""

    def __init__(self, connection: Connection, app: App) -> None:
        self.connection = connection
        self.app = app
        self.outbox = Outbox(connection, app.journal)
        self.window = DEFAULT_WINDOW
        """What we may still send on the connection."""
        self.streams: dict[int, Stream] = {}
        self.starved: dict[Sending, None] = {}
        """Those that wait for the connection's window, in the order in which they came."""
        self._peer = Peer(connection.id, "h2", connection.wire.transport)
        self._reader = FrameReader()
        self._heads = HeadReader()
        self._preface = PREFACE
        """What must still come of it."""
        self._settled = False
        """The client's first SETTINGS came."""
        self._block: tuple[int, int, list[bytes]] | None = None
        """A header block that CONTINUATION goes on with: stream, flags, parts."""
        self._room = CONNECTION_WINDOW
        self._initial_window = DEFAULT_WINDOW
        self._last_stream = 0
        self._leaving = False
        """The client said GOAWAY."""
        self._handlers: dict[int, Callable[[int, int, bytes], None]] = {
            Type.DATA: self._data,
            Type.HEADERS: self._headers,
            Type.PRIORITY: self._priority,
            Type.RST_STREAM: self._rst_stream,
            Type.SETTINGS: self._settings,
            Type.PUSH_PROMISE: self._push_promise,
            Type.PING: self._ping,
            Type.GOAWAY: self._goaway,
            Type.WINDOW_UPDATE: self._window_update,
            Type.CONTINUATION: self._continuation,
        }
        self.outbox.control(GREETING)

    def feed(self, data: bytes) -> None:
        """Bytes came: do what they say, then send what that made of it."""
        self.outbox.hold()
        try:
            if self._preface:
                data = self._after_preface(data)
            for kind, flags, stream, payload in self._reader.feed(data):
                if self.outbox.closed:
                    break
                try:
                    self._frame(kind, flags, stream, payload)
                except Http2StreamError as fault:
                    self._drop(fault.stream)
                    self.outbox.control(frames.rst_stream(fault.stream, fault.code))
        except Http2ConnectionError as fault:
            self._fail(fault)
        self.outbox.release()

    def writable(self) -> None:
        """The kernel takes bytes again."""
        self.outbox.flush()

    def lost(self) -> None:
        """The client is gone; so is whatever it was being told."""
        self.outbox.lost()
        for number in tuple(self.streams):
            self._drop(number)

    def close_stream(self, number: int) -> None:
        """The stream's response is sent, or given up; its number is done with."""
        self.streams.pop(number, None)
        if self._leaving and not self.streams:
            self.outbox.end()

    # Frames.

    def _after_preface(self, data: bytes) -> bytes:
        if not data.startswith(self._preface[: len(data)]):
            raise Http2ConnectionError(Code.PROTOCOL_ERROR, "the connection preface is malformed")
        rest = data[len(self._preface) :]
        self._preface = self._preface[len(data) :]
        return rest

    def _frame(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if not self._settled:
            if kind != Type.SETTINGS or flags & ACK:
                raise Http2ConnectionError(Code.PROTOCOL_ERROR, "the first frame must be SETTINGS")
            self._settled = True
        if self._block is not None and (kind != Type.CONTINUATION or stream != self._block[0]):
            raise Http2ConnectionError(
                Code.PROTOCOL_ERROR, f"stream {self._block[0]}'s header block is not complete"
            )
        handler = self._handlers.get(kind)
        if handler is not None:  # Frames of unknown types are ignored (RFC 9113 4.1).
            handler(flags, stream, payload)

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        self._must_be_on_stream(Type.HEADERS, stream)
        block = frames.header_block(flags, stream, payload)
        if flags & END_HEADERS:
            self._complete_block(stream, flags, block)
        else:
            self._block = (stream, flags, [block])

    def _continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if self._block is None:
            raise Http2ConnectionError(Code.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        _, first_flags, parts = self._block
        parts.append(payload)
        if sum(map(len, parts)) > MOST_HEADERS:
            raise Http2ConnectionError(
                Code.ENHANCE_YOUR_CALM, f"a header block has at most {MOST_HEADERS} bytes"
            )
        if flags & END_HEADERS:
            self._block = None
            self._complete_block(stream, first_flags, b"".join(parts))

    def _complete_block(self, number: int, flags: int, block: bytes) -> None:
        stream = self.streams.get(number)
        if stream is not None:
            self._trailers(stream, flags, block)
            return
        if number % 2 == 0 or number <= self._last_stream:
            code = Code.PROTOCOL_ERROR if number % 2 == 0 else Code.STREAM_CLOSED
            raise Http2ConnectionError(code, f"stream {number} cannot be opened by the client now")
        self._last_stream = number
        head = self._heads.head(number, block)
        if len(self.streams) >= MOST_STREAMS:
            raise Http2StreamError(number, Code.REFUSED_STREAM, f"{MOST_STREAMS} streams are open")
        stream = Stream(number, head, self._initial_window)
        self.streams[number] = stream
        if flags & END_STREAM:
            self._complete(stream)

    def _trailers(self, stream: Stream, flags: int, block: bytes) -> None:
        self._heads.trailers(stream.id, block)
        if stream.complete:
            raise Http2StreamError(stream.id, Code.STREAM_CLOSED, "HEADERS after END_STREAM")
        if not flags & END_STREAM:
            raise Http2StreamError(stream.id, Code.PROTOCOL_ERROR, "trailers without END_STREAM")
        self._complete(stream)

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        self._must_be_on_stream(Type.DATA, number)
        # Windows are granted back as soon as they are half used, long before a client can
        # have exceeded one: so nobody is accused of that.
        self._room -= len(payload)
        if self._room < CONNECTION_WINDOW // 2:
            self.outbox.control(frames.window_update(0, CONNECTION_WINDOW - self._room))
            self._room = CONNECTION_WINDOW
        content = frames.content(flags, payload)
        stream = self.streams.get(number)
        if stream is None or stream.complete:
            self._must_not_be_idle(Type.DATA, number)
            raise Http2StreamError(number, Code.STREAM_CLOSED, "DATA on a closed stream")
        stream.room -= len(payload)
        stream.received += len(content)
        if stream.received > MOST_BODY:
            raise Http2StreamError(
                number, Code.ENHANCE_YOUR_CALM, f"at most {MOST_BODY} bytes of body"
            )
        stream.body.append(content)
        if flags & END_STREAM:
            self._complete(stream)
        elif stream.room < STREAM_WINDOW // 2:
            self.outbox.control(frames.window_update(number, STREAM_WINDOW - stream.room))
            stream.room = STREAM_WINDOW

    def _priority(self, flags: int, stream: int, payload: bytes) -> None:
        self._must_be_on_stream(Type.PRIORITY, stream)
        if len(payload) != 5:
            raise Http2StreamError(stream, Code.FRAME_SIZE_ERROR, "PRIORITY has five bytes")
        # It is read for its errors alone (RFC 9113 5.3.2).
        frames.header_block(frames.PRIORITY, stream, payload)

    def _rst_stream(self, flags: int, stream: int, payload: bytes) -> None:
        self._must_be_on_stream(Type.RST_STREAM, stream)
        self._must_not_be_idle(Type.RST_STREAM, stream)
        frames.number(Type.RST_STREAM, payload)
        self._drop(stream)

    def _settings(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            raise Http2ConnectionError(Code.PROTOCOL_ERROR, "SETTINGS are for the whole connection")
        if flags & ACK:
            if payload:
                raise Http2ConnectionError(Code.FRAME_SIZE_ERROR, "SETTINGS with ACK are empty")
            return
        for name, value in frames.read_settings(payload):
            if name == Setting.INITIAL_WINDOW_SIZE:
                self._change_windows(value - self._initial_window)
                self._initial_window = value
            elif name == Setting.HEADER_TABLE_SIZE:
                self.outbox.table_size(value)
        self.outbox.control(frames.SETTINGS_ACK)
        # Only now may anything leave that the new windows admit: before the
        # acknowledgment the client reckons with the old ones.
        for each in tuple(self.streams.values()):
            if isinstance(each.reply, Sending):
                each.reply.resume()

    def _change_windows(self, difference: int) -> None:
        for stream in self.streams.values():
            stream.window += difference
            if stream.window > MOST_WINDOW:
                raise Http2ConnectionError(
                    Code.FLOW_CONTROL_ERROR, f"stream {stream.id}'s window is above 2**31-1"
                )

    def _push_promise(self, flags: int, stream: int, payload: bytes) -> None:
        raise Http2ConnectionError(Code.PROTOCOL_ERROR, "a client pushes nothing")

    def _ping(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            raise Http2ConnectionError(Code.PROTOCOL_ERROR, "PING is for the whole connection")
        if len(payload) != 8:
            raise Http2ConnectionError(Code.FRAME_SIZE_ERROR, "PING has eight bytes")
        if not flags & ACK:
            self.outbox.control(frames.frame(Type.PING, ACK, 0, payload))

    def _goaway(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            raise Http2ConnectionError(Code.PROTOCOL_ERROR, "GOAWAY is for the whole connection")
        if len(payload) < 8:
            raise Http2ConnectionError(Code.FRAME_SIZE_ERROR, "GOAWAY has at least eight bytes")
        self._leaving = True
        if not self.streams:
            self.outbox.end()

    def _window_update(self, flags: int, number: int, payload: bytes) -> None:
        increment = frames.number(Type.WINDOW_UPDATE, payload) & MOST_WINDOW
        if not number:
            if not increment:
                raise Http2ConnectionError(Code.PROTOCOL_ERROR, "WINDOW_UPDATE by nothing")
            self.window += increment
            if self.window > MOST_WINDOW:
                raise Http2ConnectionError(
                    Code.FLOW_CONTROL_ERROR, "the connection's window is above 2**31-1"
                )
            starved, self.starved = self.starved, {}
            for sending in starved:
                sending.resume()
            return
        self._must_not_be_idle(Type.WINDOW_UPDATE, number)
        stream = self.streams.get(number)
        if stream is None:
            return  # It was on its way when the stream ended.
        if not increment:
            raise Http2StreamError(number, Code.PROTOCOL_ERROR, "WINDOW_UPDATE by nothing")
        stream.window += increment
        if stream.window > MOST_WINDOW:
            raise Http2StreamError(
                number, Code.FLOW_CONTROL_ERROR, "the stream's window is above 2**31-1"
            )
        if isinstance(stream.reply, Sending):
            stream.reply.resume()

    def _must_be_on_stream(self, kind: Type, number: int) -> None:
        if not number:
            raise Http2ConnectionError(Code.PROTOCOL_ERROR, f"{kind.name} must be on a stream")

    def _must_not_be_idle(self, kind: Type, number: int) -> None:
        if number > self._last_stream or number % 2 == 0:
            raise Http2ConnectionError(
                Code.PROTOCOL_ERROR, f"{kind.name} on stream {number}, which was never opened"
            )

    # Requests.

    def _complete(self, stream: Stream) -> None:
        stream.complete = True
        head, body = stream.head, b"".join(stream.body)
        known = head.known.get(body)
        if known is not None and self._answer_known(stream, known):
            return
        request = head.request(stream.id, body)
        stream.body.clear()
        answer = self.app.reply(request)
        if isinstance(answer, Later):
            stream.reply = answer
            answer.answer = lambda script: self._answer_late(stream, request, script)
        else:
            self._play(stream, request, answer)

    def _answer_known(self, stream: Stream, known: KnownFrames) -> bool:
        """The hot path: a request that came before, and an answer that can leave whole."""
        window = known.window
        if (
            known.generation != self.app.generation
            or window > stream.window
            or window > self.window
            or not self.outbox.is_ready()
        ):
            return False
        self.window -= window
        number = stream.id
        self.outbox.put_known(
            number.to_bytes(4, "big").join(known.pieces), known, self._peer, number
        )
        self.close_stream(number)
        return True

    def _answer_late(self, stream: Stream, request: Request, script: Script) -> None:
        self._play(stream, request, Reply(script, journalled=False))

    def _play(self, stream: Stream, request: Request, reply: Reply) -> None:
        compiler = cached_response if reply.journalled else compile_response
        response = compiler(reply.script, body=request.method != "HEAD")
        entry = Entry(request, reply, self._peer, stream.id, response.events, monotonic())
        if reply.journalled:
            self.app.journal.open(entry)
            if response.instant and len(request.body) <= KNOWN_SIZE:
                known = stream.head.known
                if len(known) >= MOST_KNOWN:
                    known.clear()
                known[request.body] = KnownFrames(request, reply, response, self.app.generation)
        stream.reply = sending = Sending(self, stream, response, entry)
        sending.resume()

    def _drop(self, number: int) -> None:
        """The stream is over, whatever it was at."""
        stream = self.streams.get(number)
        if stream is None:
            return
        reply, stream.reply = stream.reply, None
        if isinstance(reply, Sending):
            self.starved.pop(reply, None)
            reply.gone()
        elif reply is not None:
            reply.cancel()
        self.close_stream(number)

    def _fail(self, fault: Http2ConnectionError) -> None:
        for number in tuple(self.streams):
            self._drop(number)
        self.outbox.control(frames.goaway(self._last_stream, fault.code, str(fault)))
        self.outbox.end()
