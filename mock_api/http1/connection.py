"""HTTP/1.1: one connection, its requests answered one at a time and in order.

Pipelined requests wait. A response without delays is one run of bytes, compiled once for
its pattern, and leaves in one write. Any other response is a Sending: it sends each
segment when it is due, and never more than the kernel takes.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from time import monotonic

from mock_api.http1.request import Http1Request, Refused, RequestReader
from mock_api.http1.response import Response, cached_response, compile_response
from mock_api.http1.sending import Sending
from mock_api.language.script import Afterwards, Ending, Script
from mock_api.playing.entry import Entry, Peer
from mock_api.playing.exchange import Application, Later, Reply
from mock_api.playing.gates import HeldRequest
from mock_api.playing.link import Link
from mock_api.playing.services import Services

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Http1:
    """One HTTP/1.1 connection."""

    def __init__(self, link: Link, application: Application, services: Services) -> None:
        self._link = link
        self._send = link.send
        self._reply = application.reply
        self._refusal = application.refusal
        self._services = services
        self._journal = services.journal
        self._peer = Peer(link.id, "http/1.1", link.transport)
        self._reader = RequestReader(application.reading)
        self._held: HeldRequest | None = None
        """The rest of a request waits for a gate."""
        self._waiting: deque[Http1Request | Refused] = deque()
        self._current: Sending | Later | None = None
        self._answering = False
        self._ending = False
        """Received bytes are not read as requests any more."""
        self._unread = False
        """A request was answered before all of it was read."""

    def feed(self, data: bytes) -> None:
        """Bytes arrived: answer the complete requests, unless another answer is under way."""
        if self._ending:
            return
        reader = self._reader
        requests = reader.feed(data)
        if reader.continue_wanted:
            reader.continue_wanted = False
            self._continue()
        if reader.held is not None:
            self._hold(*reader.held)
        if not requests:
            return
        last = requests[-1]
        if isinstance(last, Refused):
            self._ending = True
        elif not last.complete:
            self._ending = self._unread = True
            self._link.pause()
        self._waiting.extend(requests)
        self._answer_waiting()

    def writable(self) -> None:
        """The kernel takes bytes again."""
        if isinstance(self._current, Sending):
            self._current.resume()

    def lost(self) -> None:
        """The client left, and its answer ends."""
        current, self._current = self._current, None
        self._ending = True
        if self._held is not None:
            self._services.gates.leave(self._held)
        self._waiting.clear()
        if isinstance(current, Sending):
            current.gone()
        elif current is not None:
            current.cancel()

    def _done(self, response: Response) -> None:
        """The current response ended."""
        self._current = None
        if response.ending is Ending.RESET:
            self._link.reset()
        elif response.close:
            self._ending = True
            self._waiting.clear()
            if self._unread and response.ending is Ending.CLEAN:
                self._link.abandon()
                return
            self._link.finish(notify=response.ending is Ending.CLEAN)
        elif response.afterwards is not Afterwards.KEEP:
            self._leave(response.afterwards)
        else:
            self._answer_waiting()

    def _hold(self, gate: int, token: str | None) -> None:
        """Read and answer nothing more until the gate is open."""
        self._reader.held = None
        held = HeldRequest(token, self._read_on)
        if not self._services.gates.passes(held, gate):
            self._held = held
            self._link.pause()

    def _read_on(self) -> None:
        self._held = None
        self._link.resume()
        self._answer_waiting()

    def _leave(self, how: Afterwards) -> None:
        """End the connection, now or when the next request begins, without notice."""
        self._ending = True
        end = self._link.reset if how is Afterwards.RESET_ON_REQUEST else self._link.finish
        if how is Afterwards.CLOSE or self._waiting or self._reader.inside:
            self._waiting.clear()
            end()
        else:
            self._link.divert(lambda data: end())

    def _answer_waiting(self) -> None:
        if self._answering:
            return  # The loop below is running and goes on when this call returns.
        self._answering = True
        while self._waiting and self._current is None and self._held is None:
            request = self._waiting.popleft()
            if isinstance(request, Refused):
                self._refuse(request)
                continue
            reply = self._reply(request)
            if isinstance(reply, Later):
                self._current = reply
                reply.answer = partial(self._answer_late, request)
            else:
                self._play(request, reply)
        self._answering = False

    def _answer_late(self, request: Http1Request, script: Script) -> None:
        self._current = None
        self._play(request, Reply(script, journalled=False))

    def _refuse(self, refused: Refused) -> None:
        request = Http1Request("", "", b"", b"", None, None)
        request.keep_alive, request.chunks = False, True
        self._play(request, self._refusal(refused.status, refused.reason))

    def _play(self, request: Http1Request, reply: Reply) -> None:
        """Send the answer: all of it, if that is possible now, or its first segments."""
        received_at = monotonic()
        compiler = cached_response if reply.journalled else compile_response
        response = compiler(
            reply.script, request.keep_alive, request.chunks, request.method != "HEAD"
        )
        sent = 0
        whole = response.instant
        if whole is not None:
            try:
                sent = self._send(whole)
            except OSError:
                sent = 0  # The Sending below tries again and handles the error.
            if sent == len(whole):
                if reply.journalled:
                    events = response.schedule.events
                    entry = Entry(request, reply, self._peer, None, events, received_at)
                    self._journal.instant(entry, sent)
                return
        segments, log = response.schedule.play()
        entry = Entry(request, reply, self._peer, None, log, received_at)
        if reply.journalled:
            self._journal.open(entry)
        done = partial(self._done, response)
        self._current = sending = Sending(
            self._link, self._services, response, segments, entry, done
        )
        sending.begin(sent)

    def _continue(self) -> None:
        if self._current is not None:
            return  # The client pipelined this request; it will send the body anyway.
        try:
            self._send(CONTINUE)
        except OSError:
            self._link.close()
