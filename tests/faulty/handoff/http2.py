"""An HTTP/2 connection to the API, on which many exchanges have a stream each.

The h2 library reads the frames. A thread of its own feeds it one frame at a time, so this
module decides the cost of an error: a malformed response ends its own stream, and a frame
that h2 cannot follow ends the connection. Two things are done without h2. It takes a
connection for closed at a GOAWAY, although the API finishes the streams that the GOAWAY
covers; and it ends a connection over a wrong Content-Length.

A stream's window opens again as its client takes the answer: so a stalled client stops
only its own stream (U6). The connection's window opens again at once: so the stalled
client stops no other stream.

One lock guards h2 and all streams. No thread waits while it holds the lock.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from http2_link import Link
from http2_stream import Stream
from switch import fault
from upstream import IDLE_SECONDS, Connection, LostError

STREAM_WINDOW = 1 << 16
"""Bytes of one answer that may wait for its client."""

CONNECTION_WINDOW = 1 << 20
"""As much as a good deal of streams can be behind at a time."""

MOST_STREAMS = 100
"""On one connection, whatever the API admits: when it breaks, no more are lost."""

_FRAME_HEAD = 9
_RST_STREAM = 0x3
_GOAWAY = 0x7
_UNKNOWN = 0xA
"""Frame types from here on are none of RFC 9113."""


class Session:
    """A connection, its streams, and the thread that reads it."""

    def __init__(self, connection: Connection) -> None:
        """Start it. OSError without descriptors, RuntimeError without threads."""
        self.lock = threading.RLock()
        self.closed = False
        self._link = Link(connection, self.lock, receive=self._receive, lost=self._lose)
        self._h2 = H2Connection(H2Configuration(client_side=True, validate_inbound_headers=False))
        self._h2.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: self._h2.DEFAULT_MAX_HEADER_LIST_SIZE,
            },
        )
        self._streams: dict[int, Stream] = {}
        self._draining = False
        """GOAWAY came, or its stream numbers are used up: it takes no more requests."""
        self._asked = False
        self._buffer = bytearray()
        self._used_at = time.monotonic()
        self._h2.initiate_connection()
        if not fault("h2_window_not_divided"):
            self._h2.increment_flow_control_window(CONNECTION_WINDOW - 65_535)
        self._flush()
        self._link.start()

    # The exchanges' side

    def open(self, fields: Sequence[tuple[str, str]], body: bytes) -> Stream | None:
        """Send a request on a stream of its own; None when there is no room for one.

        OSError without descriptors, LostError.
        """
        with self.lock:
            if self.closed or self._draining or len(self._streams) >= self._most:
                return None
            stream = Stream(self, self._h2.get_next_available_stream_id(), body, reused=self._asked)
            self._asked = True
            self._draining = self._draining or stream.number > 1 << 30
            self._streams[stream.number] = stream
            try:
                self._h2.send_headers(stream.number, fields)
            except ProtocolError as error:
                stream.close()
                raise LostError(f"the request cannot be sent: {error}") from error
            self._send_request(stream)
            self._flush()
            return stream

    @property
    def _most(self) -> int:
        if fault("h2_stream_limit_unread"):
            return MOST_STREAMS
        return min(MOST_STREAMS, self._h2.remote_settings.max_concurrent_streams)

    def taken(self, stream: Stream, size: int) -> None:
        """An exchange took this many bytes: the API may send as many more."""
        if size and fault("h2_window_not_divided"):
            self._h2.increment_flow_control_window(size)
            self._flush()
        if stream.number not in self._streams or stream.closed or fault("h2_stream_window_kept"):
            return
        stream.owed += size
        if stream.owed >= STREAM_WINDOW // 2:  # not a WINDOW_UPDATE for every event
            self._h2.increment_flow_control_window(stream.owed, stream.number)
            stream.owed = 0
            self._flush()

    def leave(self, stream: Stream) -> None:
        """An exchange is done with its stream: if that has not ended, it is reset (U5)."""
        with self.lock:
            cancelled = not stream.closed
            if cancelled and not fault("h2_left_running"):
                self._reset(stream, ErrorCodes.CANCEL)
            if not (cancelled and fault("h2_place_kept")):
                self._forget(stream)
            stream.take()  # For a fault: what was not taken counts as well.
            self._flush()

    @property
    def idle(self) -> bool:
        """Whether it has no stream."""
        return not self._streams

    @property
    def old(self) -> bool:
        """Whether it had no stream for a long time."""
        return self.idle and time.monotonic() - self._used_at >= IDLE_SECONDS

    def close(self) -> None:
        """End it; its thread closes the descriptors."""
        self._lose("the connection to the API was closed")

    # What the link delivers

    def _receive(self, data: bytes) -> None:
        self._buffer += data
        try:
            self._frames()
        except ProtocolError as error:
            self._flush()  # h2's GOAWAY
            self._lose(f"the API broke the protocol: {error}")
        self._flush()

    def _frames(self) -> None:
        while len(self._buffer) >= _FRAME_HEAD and not self.closed:
            length = int.from_bytes(self._buffer[:3], "big")
            end = _FRAME_HEAD + length
            if len(self._buffer) < end and length <= self._h2.max_inbound_frame_size:
                return
            frame = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._frame(frame[3], int.from_bytes(frame[5:9], "big"), frame)

    def _frame(self, kind: int, number: int, frame: bytes) -> None:
        if kind == _GOAWAY and len(frame) >= _FRAME_HEAD + 8:
            self._on_goaway(int.from_bytes(frame[9:13], "big") & 0x7FFF_FFFF)
            return
        stream = self._streams.get(number)
        if stream and kind >= _UNKNOWN and fault("h2_unknown_frames_refused"):
            self._give_up(stream, "a frame of an unknown type")
        over = stream is not None and stream.closed
        if stream and over and kind == _RST_STREAM and fault("h2_reset_after_end_fails"):
            stream.fail("the API reset the stream")
        for event in self._h2.receive_data(frame):
            if handle := _HANDLERS.get(type(event)):
                handle(self, event)

    # What h2 reports

    def _on_settings(self, _: events.RemoteSettingsChanged) -> None:
        self._send_requests()

    def _on_window(self, _: events.WindowUpdated) -> None:
        self._send_requests()

    def _on_head(self, event: events.ResponseReceived) -> None:
        self._h2.streams[event.stream_id]._expected_content_length = None  # Stream counts it
        if stream := self._streams.get(event.stream_id):
            try:
                stream.begin(event.headers)
            except (KeyError, ValueError) as error:
                self._give_up(stream, f"the response is malformed: {error}")

    def _on_data(self, event: events.DataReceived) -> None:
        size, data = event.flow_controlled_length or 0, event.data or b""
        stream = self._streams.get(event.stream_id)
        if stream is None or stream.closed:
            if size:
                self._h2.increment_flow_control_window(size)
            return
        at_once = size - len(data) if fault("h2_window_not_divided") else size
        if at_once:
            self._h2.increment_flow_control_window(at_once)
        stream.owed += size - len(data)  # no exchange takes the padding
        try:
            stream.add(data)
        except ValueError as error:
            self._give_up(stream, f"the response is malformed: {error}")

    def _on_trailers(self, event: events.TrailersReceived) -> None:
        if fault("h2_trailers_unexpected") and (stream := self._streams.get(event.stream_id)):
            self._give_up(stream, "a second head")

    def _on_end(self, event: events.StreamEnded) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None or stream.closed:
            return
        try:
            stream.end()
        except ValueError as error:
            stream.fail(f"the response is malformed: {error}")
        if stream.unsent:  # The API has answered and wants no more of the request.
            self._reset(stream, ErrorCodes.NO_ERROR)

    def _on_reset(self, event: events.StreamReset) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None or stream.closed:
            return
        if fault("h2_reset_unseen") and stream.started and not event.error_code:
            return
        if fault("h2_any_close_is_an_end") and stream.started:
            stream.end()
            return
        refused = event.error_code == ErrorCodes.REFUSED_STREAM
        stream.unprocessed = refused and not stream.started and not fault("h2_refusal_is_final")
        stream.was_reset = not stream.started
        stream.fail(f"the API reset the stream: {event.error_code!r}")

    def _on_goaway(self, last: int) -> None:
        self._draining = True
        for stream in list(self._streams.values()):
            if stream.number > last and not fault("h2_goaway_covers_all"):
                stream.unprocessed = True
                stream.fail("the API takes no more requests on this connection")
            elif fault("h2_goaway_ends_all"):
                stream.fail("the API said goodbye")
        if fault("h2_goaway_ends_all"):
            self._lose("the API said goodbye")
        self._close_if_done()

    # Parts

    def _send_requests(self) -> None:
        for stream in list(self._streams.values()):
            self._send_request(stream)

    def _send_request(self, stream: Stream) -> None:
        """Send of a request's body what the API's windows admit."""
        while stream.unsent and not stream.closed:
            room = self._h2.local_flow_control_window(stream.number)
            size = min(room, self._h2.max_outbound_frame_size, len(stream.unsent))
            if size <= 0:
                return
            piece, stream.unsent = stream.unsent[:size], stream.unsent[size:]
            if fault("h2_request_ends_at_window"):
                stream.unsent = stream.unsent[: room - size]
            self._h2.send_data(stream.number, bytes(piece), end_stream=not stream.unsent)
            stream.tell()

    def _give_up(self, stream: Stream, problem: str) -> None:
        """Fail one stream for what the API did on it."""
        self._reset(stream, ErrorCodes.PROTOCOL_ERROR)
        stream.fail(problem)

    def _reset(self, stream: Stream, code: ErrorCodes) -> None:
        with contextlib.suppress(ProtocolError):  # It may be closed already.
            self._h2.reset_stream(stream.number, code)

    def _forget(self, stream: Stream) -> None:
        self._streams.pop(stream.number, None)
        self._used_at = time.monotonic()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._draining and not self._streams:
            self.close()

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._link.write(data)

    def _lose(self, problem: str) -> None:
        """The connection is over, and so are the streams on it."""
        with self.lock:
            if self.closed:
                return
            self.closed = True
            self._link.end()
            for stream in list(self._streams.values()):
                if stream.closed:
                    continue
                if fault("h2_any_close_is_an_end"):
                    stream.end()
                    continue
                # Others were served on it, and this one has not heard a word: it was
                # closed before the request came (U8).
                stream.unprocessed = stream.reused and not stream.started
                stream.fail(problem)


_HANDLERS: dict[type[events.Event], Callable[[Session, Any], None]] = {
    events.RemoteSettingsChanged: Session._on_settings,
    events.WindowUpdated: Session._on_window,
    events.ResponseReceived: Session._on_head,
    events.DataReceived: Session._on_data,
    events.TrailersReceived: Session._on_trailers,
    events.StreamEnded: Session._on_end,
    events.StreamReset: Session._on_reset,
}
