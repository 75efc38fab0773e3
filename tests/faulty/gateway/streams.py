"""HTTP/2 towards the client, with faults."""

from __future__ import annotations

from h2 import events
from h2.errors import ErrorCodes
from llm_gateway.http2 import Http2Connection
from llm_gateway.http2_stream import Stream
from llm_gateway.message import Fields
from switch import fault

LARGE = 1 << 16
SERVER_ERROR = 500


class FaultyHttp2Connection(Http2Connection):
    """A client's connection that speaks HTTP/2."""

    def on_left(self, how: str) -> None:
        """Peer: the client left."""
        if self._streams and fault("streams_run_on_when_lost"):
            self._closing = True
            self._peer.finish()
            return
        super().on_left(how)

    def on_closed(self) -> None:
        """Peer: the connection is closed."""
        if self._streams and fault("streams_run_on_when_lost"):
            self._alarm.cancel()
            self._on_closed()
            return
        super().on_closed()

    def on_reset(self, event: events.StreamReset) -> None:
        """The client reset a stream."""
        if fault("client_reset_ignored"):
            return
        self._on_reset(event)
        if self._streams and fault("client_reset_cancels_all"):
            for stream in list(self._streams.values()):
                self._cancel(stream, "reset a stream", code=ErrorCodes.CANCEL)

    def on_data(self, event: events.DataReceived) -> None:
        """A piece of a request arrived."""
        stream = self._streams.get(event.stream_id)
        if stream is not None and stream.size >= LARGE // 2 and fault("request_window_kept"):
            stream.size += len(event.data or b"")
            stream.body.append(event.data or b"")
            return
        self._on_data(event)

    def on_window(self, event: events.WindowUpdated) -> None:
        """A window opened."""
        if not (event.stream_id and fault("stream_window_unseen")):
            self._on_window(event)

    def _send_frame(self, stream: Stream) -> bool:
        others = [each for each in self._streams.values() if each is not stream and each.unsent]
        if any(self._h2.local_flow_control_window(each.stream_id) <= 0 for each in others) and (
            fault("stalled_stream_stalls_all")
        ):
            return False
        return super()._send_frame(stream)

    def newest(self) -> Stream:
        """The stream that began last."""
        return self._streams[max(self._streams)]


class FaultyStream(Stream):
    """One request and its response."""

    def start(self, status: int, fields: Fields, *, length: int | None = None) -> None:
        """Send the head."""
        super().start(status, fields, length=length)
        if status >= SERVER_ERROR:
            self._end_connection()

    def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        sender = self._sender
        assert isinstance(sender, FaultyHttp2Connection)
        several = len(sender._streams) > 1
        if several and not self.closed and fault("answers_to_the_newest_stream"):
            Stream.write(sender.newest(), data)
            return
        super().write(data)

    def finish(self) -> None:
        """End the stream."""
        if fault("good_end_is_a_reset"):
            super().break_off()
        else:
            super().finish()

    def break_off(self) -> None:
        """End the stream: the answer is not complete."""
        super().break_off()
        self._end_connection()

    def cut(self) -> None:
        """End the stream without an event."""
        if fault("passed_cut_ends_cleanly"):
            super().finish()
        else:
            super().cut()

    def _end_connection(self) -> None:
        sender = self._sender
        if fault("error_ends_connection"):
            assert isinstance(sender, FaultyHttp2Connection)
            sender.drain()
