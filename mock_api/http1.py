"""HTTP/1.1: one connection, its requests answered one at a time and in order.

Pipelined requests wait. A response without delays is one precomputed run of
bytes and one write; any other is a Sending, which sends each segment when it is
due and never more than the kernel takes.

What is answered to a request depends on its bytes alone. So a request that came
before, byte for byte and in one read, is answered from memory, without parsing
it again; load generators send little else.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING

from mock_api.exchange import KNOWN_SIZE, End, Entry, Known, Later, Peer, Reply, Request
from mock_api.http1_request import Asked, Refused, RequestReader
from mock_api.http1_response import Response, Segment, cached_response, compile_response
from mock_api.playback import Playback
from mock_api.script import Afterwards, Ending, Script

if TYPE_CHECKING:
    from mock_api.app import App
    from mock_api.connection import Connection

TURN = 1024 * 1024
"""Bytes after which a response lets others have their turn, however fast its client reads."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_NOTHING = Request("", "", (), b"", None)
"""What a client sent that sent no request."""


class KnownBytes(Known):
    """A known request's answer: the same bytes every time."""

    __slots__ = ("data", "response")

    def __init__(self, request: Request, reply: Reply, response: Response) -> None:
        self.response = response
        whole = response.instant if len(request.body) <= KNOWN_SIZE else None
        self.data = whole or b""
        """All of it, where one write sends it."""
        super().__init__(request, reply, len(self.data), response.reel.events)


class Http1:
    """One HTTP/1.1 connection."""

    def __init__(self, connection: Connection, app: App) -> None:
        self.connection = connection
        self.app = app
        self.wire = connection.wire
        self._send = connection.wire.send
        self._journal = app.journal
        self._known = app.known
        self._peer = Peer(connection.id, "http/1.1", connection.wire.transport)
        self._reader = RequestReader()
        self._waiting: deque[Asked | Refused] = deque()
        self._current: Sending | Later | None = None
        self._answering = False
        self._ending = False
        """Nothing that comes is read as a request any more."""

    def feed(self, data: bytes) -> None:
        """Bytes came: answer what is complete, unless something is being answered."""
        idle = self._current is None and not self._reader.inside
        if idle and (known := self._known.get(data)) is not None:
            self._give(known)
            return
        if self._ending:
            return
        found = self._reader.feed(data)
        if self._reader.continue_wanted:
            self._reader.continue_wanted = False
            self._continue()
        if not found:
            return
        self._ending = isinstance(found[-1], Refused)
        self._waiting.extend(found)
        if idle and len(found) == 1 and not self._reader.inside:
            self._answer_next(data)
        self._answer_waiting()

    def writable(self) -> None:
        """The kernel takes bytes again."""
        if isinstance(self._current, Sending):
            self._current.resume()

    def lost(self) -> None:
        """The client is gone; so is whatever it was being told."""
        current, self._current = self._current, None
        self._ending = True
        self._waiting.clear()
        if isinstance(current, Sending):
            current.gone()
        elif current is not None:
            current.cancel()

    def done(self, response: Response) -> None:
        """The current response is at its end."""
        self._current = None
        if response.ending is Ending.RESET:
            self.connection.reset()
        elif response.close:
            self._ending = True
            self._waiting.clear()
            self.connection.finish(notify=response.ending is Ending.CLEAN)
        elif response.afterwards is not Afterwards.KEEP:
            self._leave(response.afterwards)
        else:
            self._answer_waiting()

    def _leave(self, how: Afterwards) -> None:
        """End the connection, now or when the next request begins, unannounced."""
        self._ending = True
        end = (
            self.connection.reset if how is Afterwards.RESET_ON_REQUEST else self.connection.finish
        )
        if how is Afterwards.CLOSE or self._waiting or self._reader.inside:
            self._waiting.clear()
            end()
        else:
            self.connection.divert(lambda data: end())

    def _answer_waiting(self) -> None:
        if self._answering:
            return  # The loop below is running, and goes on when this returns.
        self._answering = True
        while self._waiting and self._current is None:
            self._answer_next(None)
        self._answering = False

    def _answer_next(self, data: bytes | None) -> None:
        """Answer the next request; `data` is all of it where it came in one read."""
        asked = self._waiting.popleft()
        if isinstance(asked, Refused):
            reply = self.app.refusal(asked.status, asked.why)
            self._play(Asked(_NOTHING, keep_alive=False, chunks=True), reply)
            return
        answer = self.app.reply(asked.request)
        if isinstance(answer, Later):
            self._current = answer
            answer.answer = lambda script: self._answer_late(asked, script)
        else:
            self._play(asked, answer, data)

    def _answer_late(self, asked: Asked, script: Script) -> None:
        self._current = None
        self._play(asked, Reply(script, journalled=False))

    def _play(self, asked: Asked, reply: Reply, data: bytes | None = None) -> None:
        request = asked.request
        compiler = cached_response if reply.journalled else compile_response
        response = compiler(
            reply.script,
            keep_alive=asked.keep_alive,
            chunks=asked.chunks,
            body=request.method != "HEAD",
        )
        known = KnownBytes(request, reply, response)
        if data is not None and asked.keep_alive and reply.journalled and not reply.script.once:
            self.app.remember(data, known)
        self._give(known)

    def _give(self, known: KnownBytes) -> None:
        """Send the answer: all of it at once, where that can be, or what can be for now."""
        came, sent = monotonic(), 0
        if known.size:
            try:
                sent = self._send(known.data)
            except OSError:
                sent = 0  # It is tried again, and judged, below.
            if sent == known.size:
                if known.reply.journalled:
                    self._journal.instant(known, self._peer, None, came)
                return
        response = known.response
        segments, events = response.reel.play()
        entry = Entry(known.request, known.reply, self._peer, None, events, came)
        if known.reply.journalled:
            self._journal.open(entry)
        self._current = sending = Sending(self, response, segments, entry)
        sending.begin(sent)

    def _continue(self) -> None:
        if self._current is not None:
            return  # It pipelined a request that asks first; it will send the body anyway.
        try:
            self._send(CONTINUE)
        except OSError:
            self.connection.close()


class Sending(Playback[Segment]):
    """An HTTP/1.1 response being sent."""

    __slots__ = ("_cuts", "_data", "_http1", "_marked", "_marks", "_offset", "_response", "_turn")

    def __init__(
        self, http1: Http1, response: Response, segments: Iterator[Segment], entry: Entry
    ) -> None:
        super().__init__(http1.app, segments, entry)
        self._http1 = http1
        self._response = response
        self._cuts = response.cuts
        self._data = b""
        self._offset = 0
        self._marks: tuple[int, ...] = ()
        self._marked = 0
        self._turn = 0
        """Bytes sent in this turn."""

    def begin(self, sent: int) -> None:
        """The first segment was sent up to this many bytes; go on."""
        first = self._next
        if first is not None and not first.gate:
            self._take_next(first)
            self._sent(sent)
        self.resume()

    def _take(self, segment: Segment) -> None:
        if not self._pending:
            self._data, self._marks = segment.data, segment.marks
            self._offset = self._marked = 0
        else:
            before = len(self._data)
            self._data += segment.data
            self._marks += tuple(before + mark for mark in segment.marks)

    def _push(self) -> bool:
        http1 = self._http1
        try:
            while self._offset < len(self._data):
                data: bytes | memoryview = self._data
                if self._offset:
                    data = memoryview(data)[self._offset :]
                if self._cuts is not None:
                    data = data[: self._cuts.room(self.entry.bytes_sent)]
                self._sent(http1.wire.send(data))
        except BlockingIOError:
            http1.connection.want_writable()
            return False
        except OSError:
            http1.connection.close()
            return False
        self._turn += self._offset
        self._data, self._offset, self._marks, self._marked = b"", 0, (), 0
        if self._turn > TURN and self._next is not None:
            self._turn = 0
            http1.connection.want_writable()
            return False
        return True

    def _sent(self, size: int) -> None:
        self._offset += size
        if self._offset == len(self._data):
            marked = len(self._marks)
        else:
            marked = bisect_right(self._marks, self._offset)
        self._app.journal.sent(self.entry, size, marked - self._marked)
        self._marked = marked

    def _finish(self) -> None:
        self._app.journal.close(self.entry, End.FINISHED)
        self._http1.done(self._response)
