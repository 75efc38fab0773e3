"""HTTP/2 from clients: many requests at a time on a connection (RFC 9113).

h2 does the framing. This module decides which stream sends, and the reach of errors.

- Streams that have bytes take turns, a frame each, while the connection takes
  bytes. A stream whose window is closed leaves the queue until it opens, so a
  stalled stream stalls no other.
- A response that is not complete ends with RST_STREAM, so that it does not look
  finished. RST_STREAM of the client cancels its own request only.
- A malformed request resets its own stream. The connection ends only if h2 fails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from h2 import events
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from llm_api.failure import ClientLeft
from llm_api.http2_frames import FrameCutter, goaway

from llm_gateway import http2_request
from llm_gateway.connection import Alarm, Terms
from llm_gateway.errors import Slow, TooLarge
from llm_gateway.http2_settings import MAX_STREAMS, PREFACE, new_connection
from llm_gateway.http2_stream import End, Stream
from llm_gateway.message import Fields, Request
from llm_gateway.peer import Peer

_MAX_FRAME = 16 * 1024
_MAX_UNSENT = 1024 * 1024
"""A client that provokes more unsent bytes than this (by pings, say) is disconnected."""


class Http2Connection:
    """A client's connection that speaks HTTP/2."""

    def __init__(self, peer: Peer, terms: Terms, on_closed: Callable[[], None]) -> None:
        self._peer = peer
        self._terms = terms
        self._on_closed = on_closed
        self._h2 = new_connection()
        self._frames = FrameCutter(self._h2.max_inbound_frame_size)
        self._preface = bytearray()
        self._streams: dict[int, Stream] = {}
        self._ready: dict[int, Stream] = {}  # streams that may be able to send, in order
        self._last_stream = 0
        self._draining = False
        self._closing = False
        self._alarm = Alarm(self.drain)
        self._alarm.set(terms.limits.keep_alive)
        peer.receiver = self
        self._flush()

    @property
    def idle(self) -> bool:
        """Whether it has no request, complete or begun."""
        return not self._streams

    def drain(self) -> None:
        """Take no further requests, and close when the running ones have ended."""
        self._draining = True
        self._close_if_done()

    def abort(self) -> None:
        """Close now."""
        self._peer.abort()

    # Calls by the peer.

    def on_bytes(self, data: bytes) -> None:
        """Peer: bytes arrived."""
        try:
            if len(self._preface) < len(PREFACE):
                missing = len(PREFACE) - len(self._preface)
                self._preface += data[:missing]
                self._h2.receive_data(data[:missing])
                data = data[missing:]
            for frame in self._frames.feed(data):
                if self._closing or self._peer.closed:
                    return
                if frame.goaway is not None:
                    continue  # the client opens no more streams, and waits for the running ones
                for event in self._h2.receive_data(frame.raw):
                    handler = _HANDLERS.get(type(event))
                    if handler is not None:
                        handler(self, event)
        except ProtocolError:
            self._flush()  # h2's GOAWAY
            self.on_left("broke the HTTP/2 protocol")
            return
        self._flush()
        if self._peer.unsent > _MAX_UNSENT:
            self._peer.abort()

    def on_left(self, how: str) -> None:
        """Peer: the client left."""
        self._closing = True
        for stream in list(self._streams.values()):
            self._cancel(stream, how)
        self._peer.finish()

    def on_drained(self) -> None:
        """Peer: every byte has been sent."""
        self._send_ready()

    def on_closed(self) -> None:
        """Peer: the connection is closed."""
        self._alarm.cancel()
        for stream in list(self._streams.values()):
            self._cancel(stream, "closed the connection")
        self._on_closed()

    # h2's events.

    def _on_request(self, event: events.RequestReceived) -> None:
        self._last_stream = max(self._last_stream, event.stream_id)
        if self._draining or len(self._streams) >= MAX_STREAMS:
            self._reset(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        # h2 would end the connection for a wrong length; _check_length ends the stream only.
        self._h2.streams[event.stream_id]._expected_content_length = None
        try:
            head = http2_request.read(event.headers or [])
        except ValueError:
            self._reset(event.stream_id, ErrorCodes.PROTOCOL_ERROR)
            return
        stream = Stream(
            self,
            event.stream_id,
            head,
            write_timeout=self._terms.write_timeout,
            on_alarm=self._on_stream_alarm,
        )
        self._alarm.cancel()
        self._streams[event.stream_id] = stream
        stream.alarm.set(self._terms.limits.request_time)
        if (head.length or 0) > self._terms.limits.body:
            self._refuse_size(stream)

    def _on_data(self, event: events.DataReceived) -> None:
        with contextlib.suppress(ProtocolError):  # the stream may be closed
            self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        stream = self._streams.get(event.stream_id)
        if stream is None or stream.end is not None or not event.data:
            return
        stream.size += len(event.data)
        stream.body.append(event.data)
        stream.alarm.set(self._terms.limits.request_time)
        if stream.size > self._terms.limits.body:
            self._refuse_size(stream)

    def _on_end(self, event: events.StreamEnded) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None or stream.end is not None:
            return
        stream.alarm.cancel()
        stream.complete = True
        if stream.head.length not in (None, stream.size):
            self._reset(event.stream_id, ErrorCodes.PROTOCOL_ERROR)
            return
        head, body = stream.head, b"".join(stream.body)
        stream.body = []
        request = Request(head.method, head.path, head.headers, body)
        stream.exchange = self._terms.service.serve(request, stream)

    def _on_reset(self, event: events.StreamReset) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            self._cancel(stream, "reset the stream")

    def _on_window(self, event: events.WindowUpdated) -> None:
        if event.stream_id:
            stream = self._streams.get(event.stream_id)
            if stream is not None:
                self.send_soon(stream)
        else:
            self._all_ready()

    # Sending.

    def send_head(self, stream: Stream, fields: Fields) -> None:
        """Stream: send the head of its response."""
        raw = [(name.encode(), value.encode("latin-1")) for name, value in fields]
        self._h2.send_headers(stream.stream_id, raw)
        self._flush()

    def send_soon(self, stream: Stream) -> None:
        """Stream: there are bytes or an end to send."""
        self._ready.setdefault(stream.stream_id, stream)
        self._send_ready()

    def _all_ready(self, _: events.Event | None = None) -> None:
        for stream in self._streams.values():
            self._ready.setdefault(stream.stream_id, stream)
        self._send_ready()

    def _send_ready(self) -> None:
        """Send frames of the streams in turn, while the connection takes bytes."""
        while self._ready and not self._peer.congested and not self._peer.closed:
            stream = self._ready.pop(next(iter(self._ready)))
            if self._send_frame(stream):
                self._ready[stream.stream_id] = stream
            self._flush()

    def _send_frame(self, stream: Stream) -> bool:
        """Send one frame; return whether the stream may be able to send a further one."""
        if stream.closed:
            return False
        window = self._h2.local_flow_control_window(stream.stream_id)
        size = min(window, _MAX_FRAME, self._h2.max_outbound_frame_size, len(stream.unsent))
        if size > 0:
            ends = size == len(stream.unsent) and stream.end is End.COMPLETE
            self._h2.send_data(stream.stream_id, bytes(stream.unsent[:size]), end_stream=ends)
            stream.progress(size)
            if ends:
                self._forget(stream)
            return not ends
        if not stream.unsent and stream.end is not None:
            if stream.end is End.COMPLETE:
                self._h2.end_stream(stream.stream_id)
                self._forget(stream)
            else:
                self._reset(stream.stream_id, ErrorCodes.INTERNAL_ERROR)
        return False

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._peer.write(data)

    # The end of streams.

    def _refuse_size(self, stream: Stream) -> None:
        limit = self._terms.limits.body
        stream.body = []
        self._terms.service.refuse(
            TooLarge(f"the request's body has more than {limit} bytes"), stream
        )

    def _on_stream_alarm(self, stream: Stream) -> None:
        if stream.complete or stream.end is not None:
            self._cancel(stream, "stopped reading", code=ErrorCodes.CANCEL)
            self._flush()
        else:
            self._terms.service.refuse(Slow("the request did not arrive in time"), stream)

    def _cancel(self, stream: Stream, how: str, *, code: ErrorCodes | None = None) -> None:
        """The client does not want the response any more."""
        if code is not None:
            self._reset(stream.stream_id, code)
        else:
            self._forget(stream)
        if stream.exchange is not None:
            stream.exchange.interrupt(ClientLeft(f"the client {how}"))

    def _reset(self, stream_id: int, code: ErrorCodes) -> None:
        with contextlib.suppress(ProtocolError):  # it may be closed already
            self._h2.reset_stream(stream_id, code)
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._forget(stream, ended=True)

    def _forget(self, stream: Stream, *, ended: bool = False) -> None:
        """The response has ended. A request whose rest is unread is reset: it is not needed."""
        if self._streams.pop(stream.stream_id, None) is None:
            return
        self._ready.pop(stream.stream_id, None)
        stream.close()
        if not ended and not stream.complete:
            with contextlib.suppress(ProtocolError):
                self._h2.reset_stream(stream.stream_id, ErrorCodes.NO_ERROR)
        if not self._streams:
            self._alarm.set(self._terms.limits.keep_alive)
            self._close_if_done()

    def _close_if_done(self) -> None:
        """Close a connection that drains and has no streams.

        GOAWAY comes last: clients built on h2 give up their running streams at once. Until
        then new streams are refused, and the client may try again.
        """
        if self._draining and not self._streams and not self._closing:
            self._closing = True
            self._flush()
            self._peer.write(goaway(self._last_stream, ErrorCodes.NO_ERROR))
            self._peer.finish()


_HANDLERS: dict[type[events.Event], Callable[[Http2Connection, Any], None]] = {
    events.RequestReceived: Http2Connection._on_request,
    events.DataReceived: Http2Connection._on_data,
    events.StreamEnded: Http2Connection._on_end,
    events.StreamReset: Http2Connection._on_reset,
    events.WindowUpdated: Http2Connection._on_window,
    events.RemoteSettingsChanged: Http2Connection._all_ready,
}
