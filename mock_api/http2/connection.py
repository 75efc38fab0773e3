"""HTTP/2: one connection, many requests at once (RFC 9113).

The mock reads frame by frame and sends after each read: all answers to one read leave in
one write. Three limits hold a response back: the stream's window, the connection's window,
and the room in the outbox. The outbox holds only what the kernel will soon take. A stream
that meets a limit waits; the mock sends nothing ahead.

A client makes two kinds of mistakes. A Http2StreamError resets the stream. A
Http2ConnectionError sends GOAWAY and ends the connection.
"""

from __future__ import annotations

from collections.abc import Callable

from mock_api.http2 import frames
from mock_api.http2.field_decoder import MOST_HEADERS, FieldDecoder
from mock_api.http2.frames import (
    ACK,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    MOST_WINDOW,
    PADDED,
    PREFACE,
    Code,
    FrameReader,
    Http2ConnectionError,
    Http2StreamError,
    Type,
)
from mock_api.http2.outbox import Outbox
from mock_api.http2.request import Head, check_trailers
from mock_api.http2.stream import Stream
from mock_api.http2.streams import MOST_STREAMS, STREAM_WINDOW, Streams
from mock_api.language.steps import Setting
from mock_api.playing.entry import Peer
from mock_api.playing.exchange import Application
from mock_api.playing.link import Link
from mock_api.playing.services import Services

MOST_BODY = 16 * 1024 * 1024
"""Bytes of a request's body: the same limit as for HTTP/1.1."""

CONNECTION_WINDOW = 16 * 1024 * 1024
"""What a client may send before the mock grants more: wide enough never to delay it."""

SETTINGS = frames.settings(
    {
        Setting.MAX_CONCURRENT_STREAMS: MOST_STREAMS,
        Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
        Setting.MAX_HEADER_LIST_SIZE: MOST_HEADERS,
    }.items()
)
GREETING = SETTINGS + frames.window_update(0, CONNECTION_WINDOW - DEFAULT_WINDOW)

_WITH_EXTRAS = PADDED | frames.PRIORITY
"""Flags of a HEADERS frame that has more than its block."""

_SETTINGS = int(Type.SETTINGS)
_CONTINUATION = int(Type.CONTINUATION)


class Http2:
    """One HTTP/2 connection."""

    def __init__(self, link: Link, application: Application, services: Services) -> None:
        self.outbox = Outbox(link, services.journal)
        peer = Peer(link.id, "h2", link.transport)
        self.streams = Streams(application, services, self.outbox, peer)
        self._reader = FrameReader()
        self._decoder = FieldDecoder()
        self._preface = PREFACE
        """The part of it that has not arrived."""
        self._settled = False
        """The client's first SETTINGS arrived."""
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
        """Bytes arrived: handle their frames, then send the answers."""
        outbox = self.outbox
        outbox.cork()
        try:
            if self._preface:
                data = self._after_preface(data)
            for kind, flags, stream, payload in self._reader.feed(data):
                if outbox.closed:
                    break
                try:
                    self._frame(kind, flags, stream, payload)
                except Http2StreamError as fault:
                    self.streams.drop(fault.stream)
                    outbox.control(frames.rst_stream(fault.stream, fault.code))
        except Http2ConnectionError as fault:
            self._fail(fault)
        outbox.uncork()

    def writable(self) -> None:
        """The kernel takes bytes again."""
        self.outbox.flush()

    def lost(self) -> None:
        """The client left, and its answers end."""
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
            if kind != _SETTINGS or flags & ACK:
                raise Http2ConnectionError(Code.PROTOCOL_ERROR, "the first frame must be SETTINGS")
            self._settled = True
        if self._block is not None and (kind != _CONTINUATION or stream != self._block[0]):
            raise Http2ConnectionError(
                Code.PROTOCOL_ERROR, f"stream {self._block[0]}'s header block is not complete"
            )
        handler = self._handlers.get(kind)
        if handler is not None:  # Frames of unknown types are ignored (RFC 9113 4.1).
            handler(flags, stream, payload)

    def _headers(self, flags: int, stream: int, payload: bytes) -> None:
        if not stream:
            raise _not_on_stream(Type.HEADERS)
        block = payload
        if flags & _WITH_EXTRAS:
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
        head = Head(number, self._decoder.decode(block))
        if len(self.streams) >= self.streams.most:
            self.streams.refuse(number)
            return
        stream = self.streams.open(number, head)
        if flags & END_STREAM:
            self.streams.complete(stream)
        elif head.pattern is not None:
            self.streams.look(stream, head.pattern)

    def _trailers(self, stream: Stream, flags: int, block: bytes) -> None:
        check_trailers(stream.id, self._decoder.decode(block))
        if stream.complete:
            raise Http2StreamError(stream.id, Code.STREAM_CLOSED, "HEADERS after END_STREAM")
        if not flags & END_STREAM:
            raise Http2StreamError(stream.id, Code.PROTOCOL_ERROR, "trailers without END_STREAM")
        self.streams.complete(stream)

    def _data(self, flags: int, number: int, payload: bytes) -> None:
        if not number:
            raise _not_on_stream(Type.DATA)
        # The mock grants the connection's window back when half of it is used, long before
        # a client can exceed it: so it need not check for that.
        self._room -= len(payload)
        if self._room < CONNECTION_WINDOW // 2:
            self.outbox.control(frames.window_update(0, CONNECTION_WINDOW - self._room))
            self._room = CONNECTION_WINDOW
        content = frames.content(flags, payload) if flags & PADDED else payload
        stream = self.streams.get(number)
        if stream is not None and stream.unread:
            return
        if stream is None or stream.complete:
            self._must_not_be_idle(Type.DATA, number)
            if self.streams.is_ignored(number):
                return
            raise Http2StreamError(number, Code.STREAM_CLOSED, "DATA on a closed stream")
        stream.room -= len(payload)
        if stream.room < 0 and payload:  # A script may announce any window.
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
        else:
            self.streams.grant(stream)

    def _priority(self, flags: int, stream: int, payload: bytes) -> None:
        if not stream:
            raise _not_on_stream(Type.PRIORITY)
        if len(payload) != 5:
            raise Http2StreamError(stream, Code.FRAME_SIZE_ERROR, "PRIORITY has five bytes")
        # The mock reads it only for its errors (RFC 9113 5.3.2).
        frames.header_block(frames.PRIORITY, stream, payload)

    def _rst_stream(self, flags: int, stream: int, payload: bytes) -> None:
        if not stream:
            raise _not_on_stream(Type.RST_STREAM)
        self._must_not_be_idle(Type.RST_STREAM, stream)
        frames.number(Type.RST_STREAM, payload)
        self.streams.drop(stream)

    def _settings(self, flags: int, stream: int, payload: bytes) -> None:
        if stream:
            raise Http2ConnectionError(Code.PROTOCOL_ERROR, "SETTINGS are for the whole connection")
        if flags & ACK:
            if payload:
                raise Http2ConnectionError(Code.FRAME_SIZE_ERROR, "SETTINGS with ACK are empty")
            values = self.streams.acknowledged()
            self._reader.most = values.get(Setting.MAX_FRAME_SIZE, self._reader.most)
            return
        for name, value in frames.read_settings(payload):
            if name == Setting.INITIAL_WINDOW_SIZE:
                self.streams.change_windows(value)
            elif name == Setting.HEADER_TABLE_SIZE:
                self.outbox.table_size(value)
        self.outbox.control(frames.SETTINGS_ACK)
        # Data that only the new windows allow leaves after the acknowledgment: before it,
        # the client counts with the old ones.
        self.streams.resume()

    def _push_promise(self, flags: int, stream: int, payload: bytes) -> None:
        raise Http2ConnectionError(Code.PROTOCOL_ERROR, "a client cannot push")

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
                raise Http2ConnectionError(Code.PROTOCOL_ERROR, "WINDOW_UPDATE by 0")
            self.streams.widen(increment)
            return
        self._must_not_be_idle(Type.WINDOW_UPDATE, number)
        stream = self.streams.get(number)
        if stream is None:
            return  # The client sent it before it knew of the stream's end.
        if not increment:
            raise Http2StreamError(number, Code.PROTOCOL_ERROR, "WINDOW_UPDATE by 0")
        stream.widen(increment)

    def _must_not_be_idle(self, kind: Type, number: int) -> None:
        if number > self._last_stream or number % 2 == 0:
            raise Http2ConnectionError(
                Code.PROTOCOL_ERROR, f"{kind.name} on stream {number}, which was never opened"
            )

    def _fail(self, fault: Http2ConnectionError) -> None:
        self.streams.drop_all()
        self.outbox.control(frames.goaway(self._last_stream, fault.code, str(fault)))
        self.outbox.end()


def _not_on_stream(kind: Type) -> Http2ConnectionError:
    return Http2ConnectionError(Code.PROTOCOL_ERROR, f"{kind.name} must be on a stream")
