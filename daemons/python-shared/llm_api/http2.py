"""HTTP/2 to the API: many requests at a time on a connection.

h2 does the framing. This module decides about flow control, and about the reach
of an error.

- A stream's window is small and reopens only as its client takes the data, so
  a client that stalls stops the API after 64 KiB. The connection's window is
  returned at once: stalled streams, however many, do not starve the others.
- h2 takes one frame at a time and never sees GOAWAY (see `http2_frames`).
- A malformed response resets its own stream only. The connection ends only if
  h2 cannot parse it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from llm_api.failure import Failure, Unprocessed
from llm_api.http2_frames import FrameCutter
from llm_api.http2_stream import Http2Reply, head
from llm_api.link import Link
from llm_api.reply import Reply
from llm_api.tls import Eof

STREAM_WINDOW = 64 * 1024
"""Bytes of one answer that may wait for its client."""
_CONNECTION_WINDOW = 1024 * 1024
_MAX_STREAMS = 100
"""Most streams on a connection: a connection that breaks takes its streams with it."""
_LAST_STREAM = 2**30
"""The stream id after which a connection takes no new requests: ids are limited."""


class Http2Session:
    """A connection that speaks HTTP/2."""

    def __init__(self, link: Link, on_change: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._link = link
        self._on_change = on_change
        self._h2 = H2Connection(H2Configuration(client_side=True, validate_inbound_headers=False))
        self._h2.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: self._h2.DEFAULT_MAX_HEADER_LIST_SIZE,
            },
        )
        self._streams: dict[int, Http2Reply] = {}
        self._frames = FrameCutter(self._h2.max_inbound_frame_size)
        self._owed = 0  # bytes received and not yet given back to the connection's window
        self._requests = 0
        self._draining = False
        self.closed = False
        self.ready: asyncio.Future[None] = self._loop.create_future()
        """Done when the API's SETTINGS have arrived: its limits are unknown before."""
        self.idle_since = self._loop.time()
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW - 65_535)
        self._flush()
        link.start(self)

    @property
    def slots(self) -> int:
        """How many requests it can take now."""
        if self.closed or self._draining or not self.ready.done():
            return 0
        return max(0, self.capacity - len(self._streams))

    @property
    def capacity(self) -> int:
        """How many requests such a connection can take at a time."""
        return min(self._h2.remote_settings.max_concurrent_streams, _MAX_STREAMS)

    @property
    def idle(self) -> bool:
        """Whether no request is running."""
        return not self._streams

    def send(self, headers: Sequence[tuple[bytes, bytes]], content: bytes) -> Reply:
        """Open a stream for a request."""
        stream_id = self._h2.get_next_available_stream_id()
        self._draining = self._draining or stream_id >= _LAST_STREAM
        reply = Http2Reply(self, stream_id, content, reused=self._requests > 0)
        self._requests += 1
        self._streams[stream_id] = reply
        self._h2.send_headers(stream_id, headers, end_stream=not content)
        self._send_content(reply)
        self._flush()
        return reply

    def close(self) -> None:
        """Close the connection; requests under way fail."""
        if not self.closed:
            self._h2.close_connection()
            self._flush()
            self._end(Failure("the connection to the API was closed"))

    # Calls by replies.

    def consumed(self, reply: Http2Reply, size: int) -> None:
        """A client took this many bytes of its stream: let the API send as many more."""
        reply.owed += size
        # One WINDOW_UPDATE for half a window, not one for every event.
        if reply.owed >= STREAM_WINDOW // 2 and reply.stream_id in self._streams:
            self._h2.increment_flow_control_window(reply.owed, reply.stream_id)
            reply.owed = 0
            self._flush()

    def abandon(self, reply: Http2Reply, *, suspect: bool) -> None:
        """This response is not wanted any more."""
        if suspect and self._link.last_received < reply.sent_at:
            self._draining = True  # the connection may be dead: send no further request on it
        self._reset(reply, ErrorCodes.CANCEL)
        self._flush()

    # Calls by the link.

    def on_bytes(self, data: bytes) -> None:
        """Link: bytes arrived."""
        try:
            for frame in self._frames.feed(data):
                if self.closed:
                    return
                if frame.goaway is not None:
                    self._on_goaway(frame.goaway)
                    continue
                for event in self._h2.receive_data(frame.raw):
                    handler = _HANDLERS.get(type(event))
                    if handler is not None:
                        handler(self, event)
        except ProtocolError as error:
            self._flush()  # h2's GOAWAY
            self._end(Failure(f"the API broke the HTTP/2 protocol: {error}"))
            return
        self._flush()

    def on_eof(self, eof: Eof) -> None:
        """Link: the connection ended."""
        self._end(
            Failure("the connection to the API broke", code="upstream_truncated"), by_api=True
        )

    # h2's events.

    def _on_settings(self, _: events.RemoteSettingsChanged) -> None:
        if not self.ready.done():
            self.ready.set_result(None)
        self._send_contents()
        self._on_change()

    def _on_window(self, event: events.WindowUpdated) -> None:
        if not event.stream_id:
            self._send_contents()
        elif reply := self._streams.get(event.stream_id):
            self._send_content(reply)

    def _on_response(self, event: events.ResponseReceived) -> None:
        reply = self._streams.get(event.stream_id)
        if reply is None:
            return
        # h2 would end the connection for a wrong length; _on_data ends the stream only.
        self._h2.streams[event.stream_id]._expected_content_length = None
        try:
            reply.deliver_head(head(event.headers or [], reply))
        except ValueError as error:
            self._reset(reply, ErrorCodes.PROTOCOL_ERROR)
            reply.fail(Failure(f"the API's response is malformed: {error}"))

    def _on_data(self, event: events.DataReceived) -> None:
        received = event.flow_controlled_length
        self._owed += received
        if self._owed >= _CONNECTION_WINDOW // 4:
            self._h2.increment_flow_control_window(self._owed)
            self._owed = 0
        reply = self._streams.get(event.stream_id)
        if reply is None or not event.data:
            return
        if reply.missing is not None:
            reply.missing -= len(event.data)
            if reply.missing < 0:
                self._reset(reply, ErrorCodes.PROTOCOL_ERROR)
                reply.fail(Failure("the API's response is longer than its Content-Length"))
                return
        if received > len(event.data):
            self.consumed(reply, received - len(event.data))  # padding
        reply.deliver(event.data)

    def _on_end(self, event: events.StreamEnded) -> None:
        reply = self._streams.get(event.stream_id)
        if reply is None:
            return
        if reply.unsent:  # the API answered before it had read the whole request
            self._reset(reply, ErrorCodes.NO_ERROR)
        else:
            self._forget(reply)
        if reply.missing:
            reply.fail(Failure("the API's response was cut short", code="upstream_truncated"))
        else:
            reply.finish()

    def _on_reset(self, event: events.StreamReset) -> None:
        reply = self._streams.get(event.stream_id)
        if reply is None:
            return
        self._forget(reply)
        if event.error_code == ErrorCodes.REFUSED_STREAM and not reply.started:
            reply.fail(Unprocessed("the API refused the stream"))
        else:
            reply.fail(Failure("the API reset the stream", code="upstream_truncated"))

    def _on_goaway(self, last_stream: int) -> None:
        self._draining = True
        for reply in [r for r in self._streams.values() if r.stream_id > last_stream]:
            self._forget(reply)
            reply.fail(Unprocessed("the API stopped taking requests on this connection"))
        if not self._streams:
            self.close()

    # Steps.

    def _send_contents(self) -> None:
        for reply in list(self._streams.values()):
            self._send_content(reply)

    def _send_content(self, reply: Http2Reply) -> None:
        """Send as much of the request's body as the API's windows admit."""
        while reply.unsent:
            window = self._h2.local_flow_control_window(reply.stream_id)
            size = min(window, self._h2.max_outbound_frame_size, len(reply.unsent))
            if size <= 0:
                return
            piece, reply.unsent = reply.unsent[:size], reply.unsent[size:]
            self._h2.send_data(reply.stream_id, piece, end_stream=not reply.unsent)

    def _reset(self, reply: Http2Reply, code: ErrorCodes) -> None:
        with contextlib.suppress(ProtocolError):  # it may be closed already
            self._h2.reset_stream(reply.stream_id, code)
        self._forget(reply)

    def _forget(self, reply: Http2Reply) -> None:
        self._streams.pop(reply.stream_id, None)
        reply.unsent = memoryview(b"")
        self.idle_since = self._loop.time()
        if self._draining and not self._streams:
            self._loop.call_soon(self.close)
        self._on_change()

    def _flush(self) -> None:
        if data := self._h2.data_to_send():
            self._link.write(data)

    def _end(self, failure: Failure, *, by_api: bool = False) -> None:
        if self.closed:
            return
        self.closed = True
        self._link.close()
        streams = list(self._streams.values())
        self._streams.clear()
        for reply in streams:
            untouched = by_api and self._link.last_received < reply.sent_at
            if untouched and reply.reused:
                reply.fail(Unprocessed("the API closed a connection that was in use", stale=True))
            else:
                reply.fail(failure)
        if not self.ready.done():
            self.ready.set_exception(failure)
            self.ready.exception()  # marks it as read: the code that waited for it may have ended
        self._on_change()


_HANDLERS: dict[type[events.Event], Callable[[Http2Session, Any], None]] = {
    events.DataReceived: Http2Session._on_data,
    events.StreamEnded: Http2Session._on_end,
    events.ResponseReceived: Http2Session._on_response,
    events.WindowUpdated: Http2Session._on_window,
    events.RemoteSettingsChanged: Http2Session._on_settings,
    events.StreamReset: Http2Session._on_reset,
}
