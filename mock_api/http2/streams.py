"""The streams of one HTTP/2 connection: their requests, and the windows for responses.

A stream is opened by its head and complete with its body. It is closed when the last frame of
its response is in the outbox. Until then the windows limit what the mock sends:
the stream's own window and the connection's, for which the streams wait in turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic

from mock_api.http2.frames import (
    DEFAULT_WINDOW,
    MOST_WINDOW,
    Code,
    Http2ConnectionError,
    Http2StreamError,
    rst_stream,
    settings,
    window_update,
)
from mock_api.http2.outbox import Outbox
from mock_api.http2.request import Head
from mock_api.http2.response import cached_response, compile_response
from mock_api.http2.sending import Sending
from mock_api.http2.stream import Sender, Stream
from mock_api.language.script import Script
from mock_api.language.steps import Setting
from mock_api.playing.entry import Entry, Peer
from mock_api.playing.exchange import Application, Later, Reply, Request
from mock_api.playing.gates import HeldRequest
from mock_api.playing.services import Services

STREAM_WINDOW = 1024 * 1024
"""What a client may send on a stream before the mock grants more."""

MOST_STREAMS = 1000
"""Streams that a client may have open on one connection."""


class Streams:
    """The open streams of one connection, and the windows of the mock's side."""

    def __init__(
        self, application: Application, services: Services, outbox: Outbox, peer: Peer
    ) -> None:
        self.outbox = outbox
        self.window = DEFAULT_WINDOW
        """What the mock may still send on the connection."""
        self.starved: dict[Sender, None] = {}
        """The responses that wait for the connection's window, in order of arrival."""
        self._application = application
        self._services = services
        self._initial_window = DEFAULT_WINDOW
        self._open: dict[int, Stream] = {}
        self.get = self._open.get
        self._peer = peer
        self._leaving = False
        """The connection ends with its last stream."""
        self.most = MOST_STREAMS
        """How many may be open at once; the mock refuses more."""
        self.room = STREAM_WINDOW
        """What a client may send on a new stream before the mock grants more."""
        self._announced: deque[dict[int, int]] = deque(({},))
        """Settings that the client has not acknowledged; the first are those of the greeting."""
        self._ignored: set[int] = set()
        """Streams whose later frames are ignored: their client may not know yet."""
        self._farewell: Callable[[], None] | None = None
        """Called when the next request begins, which is not answered."""

    def __len__(self) -> int:
        return len(self._open)

    def open(self, number: int, head: Head) -> Stream:
        """A new stream, after its head."""
        stream = self._open[number] = Stream(number, head, self.room, self._initial_window)
        return stream

    def refuse(self, number: int) -> None:
        """A new stream would be one too many. Raises Http2StreamError."""
        self._ignored.add(number)
        if self._farewell is None:
            raise Http2StreamError(number, Code.REFUSED_STREAM, f"{self.most} streams are open")
        self._farewell()

    def is_ignored(self, number: int) -> bool:
        """Whether the client sent this stream's frames before it could know of the end."""
        return number in self._ignored

    def give_up_after(self, last: int) -> None:
        """GOAWAY: give up the streams after this one, and ignore new ones."""
        self._farewell = lambda: None
        self.most = 0
        for stream in [each for each in self._open.values() if each.id > last]:
            sender, stream.sender = stream.sender, None
            if sender is not None:
                self.starved.pop(sender, None)
                sender.give_up()
            self._ignored.add(stream.id)
            self.drop(stream.id)
        self.leave()

    def announce(self, values: tuple[tuple[int, int], ...]) -> bytes:
        """A SETTINGS frame; it holds once the client acknowledges it."""
        self._announced.append(dict(values))
        return settings(values)

    def acknowledged(self) -> dict[int, int]:
        """The client knows the oldest unacknowledged settings: follow them from now on."""
        values = self._announced.popleft() if self._announced else {}
        if self._farewell is None:
            self.most = values.get(Setting.MAX_CONCURRENT_STREAMS, self.most)
        room = values.get(Setting.INITIAL_WINDOW_SIZE, self.room)
        difference, self.room = room - self.room, room
        for stream in self._open.values():
            stream.room += difference
        return values

    def leave_on_request(self, *, reset: bool) -> None:
        """End the connection, without notice, when the next request begins."""
        self._farewell = partial(self.outbox.shut, reset=reset)
        self.most = 0

    def complete(self, stream: Stream) -> None:
        """The request is complete: answer it. Raises Http2StreamError if it is malformed."""
        stream.complete = True
        self._answer(stream, stream.head.request(stream.id, b"".join(stream.body)))

    def _answer(self, stream: Stream, request: Request) -> None:
        stream.body.clear()
        reply = self._application.reply(request)
        if isinstance(reply, Later):
            stream.later = reply
            reply.answer = partial(self._answer_late, stream, request)
        else:
            self._play(stream, request, reply)

    def look(self, stream: Stream, pattern: str) -> None:
        """The head has this X-Test-Pattern: find out how to read the body."""
        answer = self._application.reading(pattern)
        if answer is not None:
            stream.reading, token = answer
            stream.held = HeldRequest(token, partial(self._opened, stream))
            self.read(stream, ended=False)

    def read(self, stream: Stream, *, ended: bool) -> None:
        """More of a body, or its end, that is read in the script's own way."""
        stream.complete = ended
        reading, held = stream.reading, stream.held
        assert reading is not None
        assert held is not None
        if stream.received < reading.size or (ended and not reading.gate):
            self._go_on(stream)
        elif not reading.gate:
            stream.unread = stream.complete = True
            body = b"".join(stream.body)[: reading.size]
            self._answer(stream, stream.head.unfinished(body))
        elif self._services.gates.passes(held, reading.gate):
            self._read_on(stream)

    def _opened(self, stream: Stream) -> None:
        """The gate opened that the rest of the body waited for."""
        try:
            self._read_on(stream)
        except Http2StreamError as fault:
            self.drop(fault.stream)
            self.outbox.control(rst_stream(fault.stream, fault.code))

    def _read_on(self, stream: Stream) -> None:
        """Read the rest of the body as usual."""
        stream.reading = stream.held = None
        self._go_on(stream)

    def _go_on(self, stream: Stream) -> None:
        """Answer the request, or grant more window."""
        if stream.complete:
            self.complete(stream)
        else:
            self.grant(stream)

    def grant(self, stream: Stream) -> None:
        """Grant more window if the client has used half of it."""
        if stream.room < self.room // 2:
            self.outbox.control(window_update(stream.id, self.room - stream.room))
            stream.room = self.room

    def close(self, number: int) -> None:
        """The stream's response is sent or given up."""
        stream = self._open.pop(number, None)
        if stream is not None and stream.unread:
            self._ignored.add(number)
        if self._leaving and not self._open:
            self.outbox.end()

    def drop(self, number: int) -> None:
        """The stream is over, whatever its state."""
        stream = self._open.get(number)
        if stream is None:
            return
        if stream.held is not None:
            self._services.gates.leave(stream.held)
        sender, stream.sender = stream.sender, None
        later, stream.later = stream.later, None
        if sender is not None:
            self.starved.pop(sender, None)
            sender.gone()
        elif later is not None:
            later.cancel()
        self.close(number)

    def drop_all(self) -> None:
        """The connection is over."""
        for number in tuple(self._open):
            self.drop(number)

    def leave(self) -> None:
        """End the connection when the open streams have ended."""
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
        for sender in starved:
            sender.resume()

    def change_windows(self, initial: int) -> None:
        """The client changed the initial window of all streams (RFC 9113 6.9.2)."""
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

    def _answer_late(self, stream: Stream, request: Request, script: Script) -> None:
        stream.later = None
        self._play(stream, request, Reply(script, journalled=False))

    def _play(self, stream: Stream, request: Request, reply: Reply) -> None:
        received_at = monotonic()
        compiler = cached_response if reply.journalled else compile_response
        response = compiler(reply.script, request.method != "HEAD")
        schedule = response.schedule
        whole = response.instant
        if (
            whole is not None
            and whole.window <= stream.window
            and whole.window <= self.window
            and not stream.unread
            and self.outbox.is_ready()
        ):
            self.window -= whole.window
            entry = Entry(request, reply, self._peer, stream.id, schedule.events, received_at)
            if reply.journalled:
                self._services.journal.open(entry)
            self.outbox.put_whole(stream.id.to_bytes(4, "big").join(whole.pieces), entry)
            self.close(stream.id)
            return
        segments, events = schedule.play()
        entry = Entry(request, reply, self._peer, stream.id, events, received_at)
        if reply.journalled:
            self._services.journal.open(entry)
        stream.sender = sending = Sending(self._services, self, stream, response, segments, entry)
        sending.resume()
