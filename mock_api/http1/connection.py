"""HTTP/1.1: one connection, its requests answered one at a time and in order.

Pipelined requests wait. A response without delays is one precomputed run of
bytes and one write; any other is a Sending, which sends each segment when it is
due and never more than the kernel takes.

What is answered to a request depends on its bytes alone. So a request that came
before, byte for byte and in one read, is answered from memory, without parsing
it again; load generators send little else.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from mock_api.http1.request import Asked, Refused, RequestReader
from mock_api.http1.response import Response, cached_response, compile_response
from mock_api.http1.sending import Sending
from mock_api.language.script import Afterwards, Ending, Script
from mock_api.net.reading import Hold
from mock_api.playing.exchange import KNOWN_SIZE, Entry, Known, Later, Peer, Reply, Request

if TYPE_CHECKING:
    from mock_api.app import App
    from mock_api.net.connection import Connection

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
        self._reader = RequestReader(app.reading)
        self._hold: Hold | None = None
        """What the rest of a request waits for."""
        self._waiting: deque[Asked | Refused] = deque()
        self._current: Sending | Later | None = None
        self._answering = False
        self._ending = False
        """Nothing that comes is read as a request any more."""
        self._unread = False
        """A request is answered before it has been read."""

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
        if self._reader.held is not None:
            self._hold_back(*self._reader.held)
        if not found:
            return
        last = found[-1]
        if isinstance(last, Refused):
            self._ending = True
        elif not last.request.complete:
            self._ending = self._unread = True
            self.connection.pause()
        self._waiting.extend(found)
        if idle and len(found) == 1 and not self._reader.inside and self._hold is None:
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
        if self._hold is not None:
            self.app.gates.leave(self._hold)
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
            if self._unread and response.ending is Ending.CLEAN:
                self.connection.abandon()
                return
            self.connection.finish(notify=response.ending is Ending.CLEAN)
        elif response.afterwards is not Afterwards.KEEP:
            self._leave(response.afterwards)
        else:
            self._answer_waiting()

    def _hold_back(self, gate: int, token: str | None) -> None:
        """Read and answer nothing more until the gate is open."""
        self._reader.held = None
        hold = Hold(token, self._read_on)
        if not self.app.gates.passes(hold, gate):
            self._hold = hold
            self.connection.pause()

    def _read_on(self) -> None:
        self._hold = None
        self.connection.resume()
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
        while self._waiting and self._current is None and self._hold is None:
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
