"""The streams of one HTTP/2 connection: requests on their way in, responses on their way out.

A stream is opened by a head, complete with its body, answered, and closed when the
last of its response is in the outbox. Until then the windows decide what may be
sent on it: its own, and the connection's, for which the streams wait in turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from mock_api.http2.frames import (
    DEFAULT_WINDOW,
    MOST_WINDOW,
    Code,
    Http2ConnectionError,
    Http2StreamError,
    Setting,
    rst_stream,
    settings,
    window_update,
)
from mock_api.http2.outbox import Outbox
from mock_api.http2.request import Head
from mock_api.http2.response import KnownFrames, cached_response, compile_response
from mock_api.http2.sending import Sending
from mock_api.http2.stream import Stream
from mock_api.language.script import Script
from mock_api.net.reading import Hold
from mock_api.playing.exchange import KNOWN_SIZE, Entry, Later, Peer, Reply, Request

if TYPE_CHECKING:
    from mock_api.app import App

STREAM_WINDOW = 1024 * 1024
"""What a client may send on a stream before we grant more."""

MOST_STREAMS = 1000
"""Streams a client may have at once on one connection."""

MOST_KNOWN = 16
"""Request bodies that are remembered with one head."""


class Streams:
    """The streams of one connection that are not closed, and the windows of our side."""

    def __init__(self, app: App, outbox: Outbox, peer: Peer) -> None:
        self.app = app
        self.outbox = outbox
        self.window = DEFAULT_WINDOW
        """What we may still send on the connection."""
        self.starved: dict[Sending, None] = {}
        """Those that wait for the connection's window, in the order in which they came."""
        self._initial_window = DEFAULT_WINDOW
        self._open: dict[int, Stream] = {}
        self.get = self._open.get
        self._peer = peer
        self._leaving = False
        """The client said GOAWAY."""
        self.most = MOST_STREAMS
        """How many may be open at once; those above are turned away."""
        self.room = STREAM_WINDOW
        """What a client may send on a new stream before we grant more."""
        self._announced: deque[dict[int, int]] = deque(({},))
        """Settings the client has not acknowledged; the first are those of the greeting."""
        self._turned_away: set[int] = set()
        self._farewell: Callable[[], None] | None = None
        """What the next request causes, instead of being answered."""

    def __len__(self) -> int:
        return len(self._open)

    def open(self, number: int, head: Head) -> Stream:
        """A new stream, of which the head has come."""
        stream = self._open[number] = Stream(number, head, self.room, self._initial_window)
        return stream

    def turn_away(self, number: int) -> None:
        """A new stream came, and there may be no more."""
        self._turned_away.add(number)
        if self._farewell is None:
            raise Http2StreamError(number, Code.REFUSED_STREAM, f"{self.most} streams are open")
        self._farewell()

    def was_turned_away(self, number: int) -> bool:
        """What comes on this stream was sent before its client could know."""
        return number in self._turned_away

    def give_up_after(self, last: int) -> None:
        """GOAWAY: streams after this one get nothing more, and new ones are ignored."""
        self._farewell = lambda: None
        self.most = 0
        for stream in [each for each in self._open.values() if each.id > last]:
            reply, stream.reply = stream.reply, None
            if isinstance(reply, Sending):
                self.starved.pop(reply, None)
                reply.give_up()
            self._turned_away.add(stream.id)
            self.drop(stream.id)
        self.leave()

    def announce(self, values: tuple[tuple[int, int], ...]) -> bytes:
        """SETTINGS to send; they hold once the client acknowledges them."""
        self._announced.append(dict(values))
        return settings(values)

    def acknowledged(self) -> dict[int, int]:
        """The client knows the oldest settings that it had not acknowledged: keep to them."""
        values = self._announced.popleft() if self._announced else {}
        if self._farewell is None:
            self.most = values.get(Setting.MAX_CONCURRENT_STREAMS, self.most)
        room = values.get(Setting.INITIAL_WINDOW_SIZE, self.room)
        difference, self.room = room - self.room, room
        for stream in self._open.values():
            stream.room += difference
        return values

    def leave_on_request(self, *, reset: bool) -> None:
        """End the connection, unannounced, when the next request begins."""
        self._farewell = partial(self.outbox.shut, reset=reset)
        self.most = 0

    def complete(self, stream: Stream) -> None:
        """The request is complete: answer it. Raises Http2StreamError where it is malformed."""
        stream.complete = True
        head, body = stream.head, b"".join(stream.body)
        known = head.known.get(body)
        if known is not None and self._answer_known(stream, known):
            return
        self._answer(stream, head.request(stream.id, body))

    def _answer(self, stream: Stream, request: Request) -> None:
        stream.body.clear()
        answer = self.app.reply(request)
        if isinstance(answer, Later):
            stream.reply = answer
            answer.answer = lambda script: self._answer_late(stream, request, script)
        else:
            self._play(stream, request, answer)

    def look(self, stream: Stream, pattern: str) -> None:
        """The head is there, and has this X-Test-Pattern: how is the body to be read?"""
        found = self.app.reading(pattern)
        if found is not None:
            stream.reading, token = found
            stream.hold = Hold(token, partial(self._opened, stream))
            self.read(stream, ended=False)

    def read(self, stream: Stream, *, ended: bool) -> None:
        """More of a body is there, or its end, that is read in the script's own way."""
        stream.complete = ended
        reading, hold = stream.reading, stream.hold
        assert reading is not None
        assert hold is not None
        if stream.received < reading.size or (ended and not reading.gate):
            self._go_on(stream)
        elif not reading.gate:
            stream.unread = stream.complete = True
            body = b"".join(stream.body)[: reading.size]
            self._answer(stream, stream.head.unfinished(body))
        elif self.app.gates.passes(hold, reading.gate):
            self._read_on(stream)

    def _opened(self, stream: Stream) -> None:
        """The gate is open that the rest of the body waited for."""
        try:
            self._read_on(stream)
        except Http2StreamError as fault:
            self.drop(fault.stream)
            self.outbox.control(rst_stream(fault.stream, fault.code))

    def _read_on(self, stream: Stream) -> None:
        """From here on the body is read as usual."""
        stream.reading = stream.hold = None
        self._go_on(stream)

    def _go_on(self, stream: Stream) -> None:
        """Answer the request, or let more of it come."""
        if stream.complete:
            self.complete(stream)
        elif stream.room < self.room // 2:
            self.outbox.control(window_update(stream.id, self.room - stream.room))
            stream.room = self.room

    def close(self, number: int) -> None:
        """The stream's response is sent, or given up; its number is done with."""
        stream = self._open.pop(number, None)
        if stream is not None and stream.unread:
            self._turned_away.add(number)
        if self._leaving and not self._open:
            self.outbox.end()

    def drop(self, number: int) -> None:
        """The stream is over, whatever it was at."""
        stream = self._open.get(number)
        if stream is None:
            return
        if stream.hold is not None:
            self.app.gates.leave(stream.hold)
        reply, stream.reply = stream.reply, None
        if isinstance(reply, Sending):
            self.starved.pop(reply, None)
            reply.gone()
        elif reply is not None:
            reply.cancel()
        self.close(number)

    def drop_all(self) -> None:
        """The connection is over."""
        for number in tuple(self._open):
            self.drop(number)

    def leave(self) -> None:
        """End the connection when the streams that are open have ended."""
        self._leaving = True
        if not self._open:
            self.outbox.end()

    def widen(self, increment: int) -> None:
        """The client grants more on the connection. Raises Http2ConnectionError."""
        self.window += increment
        if self.window > MOST_WINDOW:
            raise Http2ConnectionError(
                Code.FLOW_CONTROL_ERROR, "the connection's window is above 2**31-1"
            )
        starved, self.starved = self.starved, {}
        for sending in starved:
            sending.resume()

    def change_windows(self, initial: int) -> None:
        """The client changed what every stream's window begins with (RFC 9113 6.9.2)."""
        difference, self._initial_window = initial - self._initial_window, initial
        for stream in self._open.values():
            stream.window += difference
            if stream.window > MOST_WINDOW:
                raise Http2ConnectionError(
                    Code.FLOW_CONTROL_ERROR, f"stream {stream.id}'s window is above 2**31-1"
                )

    def resume(self) -> None:
        """Any stream's window may be open again."""
        for stream in tuple(self._open.values()):
            stream.resume()

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
        frames = number.to_bytes(4, "big").join(known.pieces)
        self.outbox.put_known(frames, known, self._peer, number)
        self.close(number)
        return True

    def _answer_late(self, stream: Stream, request: Request, script: Script) -> None:
        self._play(stream, request, Reply(script, journalled=False))

    def _play(self, stream: Stream, request: Request, reply: Reply) -> None:
        compiler = cached_response if reply.journalled else compile_response
        response = compiler(reply.script, body=request.method != "HEAD")
        segments, events = response.reel.play()
        entry = Entry(request, reply, self._peer, stream.id, events, monotonic())
        if reply.journalled:
            self.app.journal.open(entry)
            if response.instant is not None and len(request.body) <= KNOWN_SIZE:
                known = stream.head.known
                if len(known) >= MOST_KNOWN:
                    known.clear()
                known[request.body] = KnownFrames(request, reply, response, self.app.generation)
        stream.reply = sending = Sending(self, stream, response, segments, entry)
        sending.resume()
