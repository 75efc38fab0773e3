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
from typing import TYPE_CHECKING

from mock_api.http2 import frames
from mock_api.http2.frames import (
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
from mock_api.http2.heads import MOST_HEADERS, HeadReader
from mock_api.http2.outbox import Outbox
from mock_api.http2.stream import Stream
from mock_api.http2.streams import MOST_STREAMS, STREAM_WINDOW, Streams
from mock_api.playing.exchange import Peer

if TYPE_CHECKING:
    from mock_api.app import App
    from mock_api.net.connection import Connection

MOST_BODY = 16 * 1024 * 1024
CONNECTION_WINDOW = 16 * 1024 * 1024
"""What a client may send before we grant more: requests are never held up by us."""

SETTINGS = frames.settings(
    {
        Setting.MAX_CONCURRENT_STREAMS: MOST_STREAMS,
        Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
        Setting.MAX_HEADER_LIST_SIZE: MOST_HEADERS,
    }.items()
)
GREETING = SETTINGS + frames.window_update(0, CONNECTION_WINDOW - DEFAULT_WINDOW)


class Http2:
    """One HTTP/2 connection."""

    def __init__(self, connection: Connection, app: App) -> None:
        self.outbox = Outbox(connection, app.journal)
        peer = Peer(connection.id, "h2", connection.wire.transport)
        self.streams = Streams(app, self.outbox, peer)
        self._reader = FrameReader()
        self._heads = HeadReader()
        self._preface = PREFACE
        """What must still come of it."""
        self._settled = False
        """The client's first SETTINGS came."""
        self._block: tuple[int, int, list[bytes]] | None = None
        """A header block that CONTINUATION goes on with: stream, flags, parts."""
        self._room = CONNECTION_WINDOW
        """What the client may still send."""
        self._last_stream = 0
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
                    self.streams.drop(fault.stream)
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
        self.streams.drop_all()

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
        if len(self.streams) >= self.streams.most:
            self.streams.turn_away(number)
            return
        stream = self.streams.open(number, head)
        if flags & END_STREAM:
            self.streams.complete(stream)
        elif head.pattern is not None:
            self.streams.look(stream, head.pattern)

    def _trailers(self, stream: Stream, flags: int, block: bytes) -> None:
        self._heads.trailers(stream.id, block)
        if stream.complete:
            raise Http2StreamError(stream.id, Code.STREAM_CLOSED, "HEADERS after END_STREAM")
        if not flags & END_STREAM:
            raise Http2StreamError(stream.id, Code.PROTOCOL_ERROR, "trailers without END_STREAM")
        self.streams.complete(stream)

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        self._must_be_on_stream(Type.DATA, number)
        # The connection's window is granted back as soon as it is half used, long before a
        # client can have exceeded it: so nobody is accused of that.
        self._room -= len(payload)
        if self._room < CONNECTION_WINDOW // 2:
            self.outbox.control(frames.window_update(0, CONNECTION_WINDOW - self._room))
            self._room = CONNECTION_WINDOW
        content = frames.content(flags, payload)
        stream = self.streams.get(number)
        if stream is not None and stream.unread:
            return
        if stream is None or stream.complete:
            self._must_not_be_idle(Type.DATA, number)
            if self.streams.was_turned_away(number):
                return
            raise Http2StreamError(number, Code.STREAM_CLOSED, "DATA on a closed stream")
        stream.room -= len(payload)
        if stream.room < 0 and payload:  # A script may have announced any window.
            raise Http2StreamError(
                number, Code.FLOW_CONTROL_ERROR, "the stream's window is exceeded"
            )
        stream.received += len(content)
        if stream.received > MOST_BODY:
            raise Http2StreamError(
                number, Code.ENHANCE_YOUR_CALM, f"at most {MOST_BODY} bytes of body"
            )
        stream.body.append(content)
        if stream.reading is not None:
            self.streams.read(stream, ended=bool(flags & END_STREAM))
        elif flags & END_STREAM:
            self.streams.complete(stream)
        elif stream.room < self.streams.room // 2:
            self.outbox.control(frames.window_update(number, self.streams.room - stream.room))
            stream.room = self.streams.room

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
        self.streams.drop(stream)

    def _settings(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            raise Http2ConnectionError(Code.PROTOCOL_ERROR, "SETTINGS are for the whole connection")
        if flags & ACK:
            if payload:
                raise Http2ConnectionError(Code.FRAME_SIZE_ERROR, "SETTINGS with ACK are empty")
            held = self.streams.acknowledged()
            self._reader.most = held.get(Setting.MAX_FRAME_SIZE, self._reader.most)
            return
        for name, value in frames.read_settings(payload):
            if name == Setting.INITIAL_WINDOW_SIZE:
                self.streams.change_windows(value)
            elif name == Setting.HEADER_TABLE_SIZE:
                self.outbox.table_size(value)
        self.outbox.control(frames.SETTINGS_ACK)
        # Only now may anything leave that the new windows admit: before the
        # acknowledgment the client reckons with the old ones.
        self.streams.resume()

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
        self.streams.leave()

    def _window_update(self, flags: int, number: int, payload: bytes) -> None:
        increment = frames.number(Type.WINDOW_UPDATE, payload) & MOST_WINDOW
        if not number:
            if not increment:
                raise Http2ConnectionError(Code.PROTOCOL_ERROR, "WINDOW_UPDATE by nothing")
            self.streams.widen(increment)
            return
        self._must_not_be_idle(Type.WINDOW_UPDATE, number)
        stream = self.streams.get(number)
        if stream is None:
            return  # It was on its way when the stream ended.
        if not increment:
            raise Http2StreamError(number, Code.PROTOCOL_ERROR, "WINDOW_UPDATE by nothing")
        stream.widen(increment)

    def _must_be_on_stream(self, kind: Type, number: int) -> None:
        if not number:
            raise Http2ConnectionError(Code.PROTOCOL_ERROR, f"{kind.name} must be on a stream")

    def _must_not_be_idle(self, kind: Type, number: int) -> None:
        if number > self._last_stream or number % 2 == 0:
            raise Http2ConnectionError(
                Code.PROTOCOL_ERROR, f"{kind.name} on stream {number}, which was never opened"
            )

    def _fail(self, fault: Http2ConnectionError) -> None:
        self.streams.drop_all()
        self.outbox.control(frames.goaway(self._last_stream, fault.code, str(fault)))
        self.outbox.end()
