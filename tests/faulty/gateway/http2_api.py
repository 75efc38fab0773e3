"""HTTP/2 to the API, with faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from h2 import events
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from llm_api.failure import Failure, Unprocessed
from llm_api.http2 import STREAM_WINDOW, Http2Session
from llm_api.http2_frames import Frame, FrameCutter
from llm_api.http2_stream import Http2Reply
from llm_api.reply import Reply
from llm_api.tls import Eof
from switch import fault


class FaultyFrameCutter(FrameCutter):
    """Keeps the bytes of a frame until it is complete."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take the next bytes."""
        for frame in super().feed(data):
            if frame.raw[TYPE] > CONTINUATION and fault("h2_unknown_frame_fails"):
                raise ProtocolError("a frame of an unknown type")
            yield frame


class FaultyHttp2Session(Http2Session):
    """A connection that speaks HTTP/2."""

    @property
    def capacity(self) -> int:
        """How many requests it can take at a time."""
        limit = self._h2.remote_settings.max_concurrent_streams
        if limit < STREAM_LIMIT and fault("h2_stream_limit_unread"):
            return STREAM_LIMIT
        return super().capacity

    def send(self, headers: Sequence[tuple[bytes, bytes]], content: bytes) -> Reply:
        """Open a stream for a request."""
        reply = super().send(headers, content)
        assert isinstance(reply, Http2Reply)
        if reply.unsent and fault("h2_request_ends_at_window"):
            reply.unsent = memoryview(b"")
            self._h2.end_stream(reply.stream_id)
            self._flush()
        return reply

    def consumed(self, reply: Http2Reply, size: int) -> None:
        """A client took this many bytes of its stream."""
        if size and fault("h2_window_not_divided"):
            self._h2.increment_flow_control_window(size)
        if reply.owed + size >= STREAM_WINDOW // 2 and fault("h2_stream_window_kept"):
            return
        super().consumed(reply, size)

    def abandon(self, reply: Http2Reply, *, suspect: bool) -> None:
        """This response is not wanted any more."""
        if fault("h2_left_running"):
            return
        super().abandon(reply, suspect=suspect)
        if self._h2.remote_settings.max_concurrent_streams < STREAM_LIMIT and fault(
            "h2_place_kept"
        ):
            self._streams[-reply.stream_id] = reply

    def on_eof(self, eof: Eof) -> None:
        """Link: the connection ended."""
        if self._streams and fault("h2_loss_is_an_end"):
            for reply in list(self._streams.values()):
                self._streams.pop(reply.stream_id)
                reply.finish()
        super().on_eof(eof)

    def on_reset(self, event: events.StreamReset) -> None:
        """The API reset a stream."""
        reply = self._streams.get(event.stream_id)
        if reply is None:
            return
        refused = event.error_code == ErrorCodes.REFUSED_STREAM
        if event.error_code == ErrorCodes.NO_ERROR and fault("h2_reset_unseen"):
            return
        if reply.started and fault("h2_reset_is_an_end"):
            self._forget(reply)
            reply.finish()
        elif not (reply.started or refused) and fault("h2_reset_asked_again"):
            self._forget(reply)
            reply.fail(Unprocessed("the API reset the stream"))
        elif refused and not reply.started and fault("h2_refusal_is_final"):
            self._forget(reply)
            reply.fail(Failure("the API refused the stream"))
        else:
            self._on_reset(event)

    def on_response(self, event: events.ResponseReceived) -> None:
        """The head of an answer arrived."""
        reply = self._streams.get(event.stream_id)
        if reply is None or not (reply.unsent and fault("h2_answer_after_request")):
            self._on_response(event)

    def on_end(self, event: events.StreamEnded) -> None:
        """The API ended a stream."""
        reply = self._streams.get(event.stream_id)
        if reply is not None and reply.missing and fault("h2_length_unchecked"):
            reply.missing = 0
        self._on_end(event)

    def on_data(self, event: events.DataReceived) -> None:
        """A piece of an answer arrived."""
        reply = self._streams.get(event.stream_id)
        if reply is not None and reply.missing is not None and fault("h2_length_unchecked"):
            reply.missing = None
        if event.flow_controlled_length > len(event.data) and fault("h2_padding_kept"):
            padding = event.flow_controlled_length - len(event.data)
            if reply is not None:
                reply.deliver(b"\0" * padding)
        if reply is not None and fault("h2_window_not_divided"):
            self._owed -= event.flow_controlled_length
        self._on_data(event)

    def on_trailers(self, event: events.TrailersReceived) -> None:
        """The API sent trailer fields."""
        reply = self._streams.get(event.stream_id)
        if reply is not None and fault("h2_trailers_unexpected"):
            self._reset(reply, ErrorCodes.PROTOCOL_ERROR)
            reply.fail(Failure("the API sent a second head"))

    def _on_goaway(self, last_stream: int) -> None:
        if fault("h2_goaway_ends_all"):
            self.close()
        elif fault("h2_goaway_unread"):
            return
        else:
            super()._on_goaway(last_stream)


STREAM_LIMIT = 100
TYPE = 3
"""Where the type stands in a frame."""
CONTINUATION = 9

HANDLERS: dict[type[events.Event], Any] = {
    events.StreamReset: FaultyHttp2Session.on_reset,
    events.ResponseReceived: FaultyHttp2Session.on_response,
    events.StreamEnded: FaultyHttp2Session.on_end,
    events.DataReceived: FaultyHttp2Session.on_data,
    events.TrailersReceived: FaultyHttp2Session.on_trailers,
}
