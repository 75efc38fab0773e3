"""The connection pool of one API: send a request, get a reply.

HTTP/1.1 and HTTP/2 differ in one number, the requests that a connection takes
at a time, so one pool serves both. A request takes a free slot. Without a free
slot it waits, and the pool makes connections for as many slots as requests wait.
The TLS handshake chooses the protocol.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from llm_api.address import Address, Timeouts
from llm_api.failure import Failure, Late, Unprocessed, Unreachable
from llm_api.http1 import Http1Session
from llm_api.http2 import Http2Session
from llm_api.link import open_link
from llm_api.reply import Reply
from llm_api.request import Request

log = logging.getLogger(__name__)

_IDLE_TIME = 30.0
"""Seconds that a connection without requests stays open."""
_IDLE_HTTP1 = 8
"""Idle HTTP/1.1 connections that stay open; of HTTP/2 it is one."""


class Session(Protocol):
    """A connection that takes requests."""

    closed: bool
    idle_since: float

    @property
    def slots(self) -> int:
        """How many requests it can take now."""

    @property
    def capacity(self) -> int:
        """How many requests such a connection can take at a time."""

    @property
    def idle(self) -> bool:
        """Whether no request is running."""

    def send(self, headers: Sequence[tuple[bytes, bytes]], content: bytes) -> Reply:
        """Send a request; only while there is a slot."""

    def close(self) -> None:
        """Close it; requests under way fail."""


class Upstream:
    """One API and the connections to it."""

    def __init__(self, api: Address, timeouts: Timeouts, *, agent: str) -> None:
        """agent: the User-Agent of every request."""
        self._api = api
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._sessions: list[Session] = []
        self._waiters: deque[_Waiter] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._settling = False
        self._capacity = 100 if api.http2 else 1  # of a connection; a guess until one is open
        self._sweeper: asyncio.TimerHandle | None = None
        self._headers = [(b"user-agent", agent.encode())]
        if api.key:  # h2 keeps it out of every compression table
            self._headers.append((b"authorization", b"Bearer " + api.key.encode()))

    async def request(self, request: Request) -> Reply:
        """Send a request; return its reply once the response's head has arrived.

        Sends it a second time only if the API certainly did not process the
        first one. Raises Failure.
        """
        sending = self._prepare(request)
        try:
            return await self._answered(await self._send(sending))
        except Unprocessed as unprocessed:
            log.info("sending the request again: %s", unprocessed)
            # One pooled connection was dead; the next may be dead as well.
            again = self._send_afresh if unprocessed.stale else self._send
        return await self._answered(await again(sending))

    def close(self) -> None:
        """Close every connection."""
        for task in self._connecting:
            task.cancel()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for session in self._sessions:
            session.close()

    def _prepare(self, request: Request) -> _Sending:
        api = self._api
        headers = [
            (b":method", request.method),
            (b":scheme", b"https" if api.tls else b"http"),
            (b":authority", api.authority.encode()),
            (b":path", (api.path + request.path).encode()),
            (b"accept", request.accept),
            (b"accept-encoding", request.accept_encoding),
            *self._headers,
        ]
        if request.body:
            if not any(name == b"content-type" for name, _ in request.headers):
                headers.append((b"content-type", b"application/json"))
            headers.append((b"content-length", b"%d" % len(request.body)))
        return _Sending([*headers, *request.headers], request.body)

    async def _answered(self, reply: Reply) -> Reply:
        """The reply, once it has a head."""
        try:
            async with asyncio.timeout(self._timeouts.first_byte):
                await reply.head()
        except TimeoutError:
            reply.cancel(suspect=True)
            raise Late("the API sent no response in time") from None
        except BaseException:
            reply.cancel()
            raise
        return reply

    async def _send(self, sending: _Sending) -> Reply:
        """Send on a pooled connection, as soon as one has a free slot."""
        if not self._waiters:
            # The youngest first: the others run empty and are closed.
            for session in reversed(self._sessions):
                if session.slots:
                    return session.send(sending.headers, sending.body)
        waiter = _Waiter(sending, self._loop.create_future())
        self._waiters.append(waiter)
        self._settle_soon()
        try:
            return await waiter.reply
        except asyncio.CancelledError:
            sent = waiter.reply.done() and not waiter.reply.cancelled()
            if sent and waiter.reply.exception() is None:
                waiter.reply.result().cancel()  # it was sent a moment ago
            raise

    async def _send_afresh(self, sending: _Sending) -> Reply:
        """Send on a connection made for this request; it joins the pool afterwards."""
        session = await self._open()
        reply = session.send(sending.headers, sending.body)
        self._sessions.append(session)
        self._settle_soon()
        return reply

    async def _open(self) -> Session:
        """Make a connection. Raises Unreachable or Late."""
        session: Session | None = None
        try:
            async with asyncio.timeout(self._timeouts.connect):
                link = await open_link(self._api)
                if link.alpn != "h2":
                    session = Http1Session(link, self._settle_soon)
                else:
                    session = http2 = Http2Session(link, self._settle_soon)
                    await asyncio.shield(http2.ready)
        except TimeoutError:
            if session is not None:
                session.close()
            raise Late("no connection to the API in time") from None
        except BaseException:
            if session is not None:
                session.close()
            raise
        if not session.capacity:
            session.close()
            raise Unreachable("the API admits no requests on its connections")
        self._capacity = session.capacity
        return session

    async def _connect(self) -> None:
        """Make a connection for the pool."""
        failure: Failure | None = None
        try:
            session = await self._open()
            self._sessions.append(session)
        except Failure as failed:
            failure = failed
        except Exception as error:
            log.exception("unexpected error while connecting")
            failure = Unreachable(f"no connection to the API: {error}")
        finally:
            self._connecting -= {asyncio.current_task()}
        if failure is not None:
            log.warning("%s", failure)
            self._refuse(failure)
        self._settle_soon()

    def _refuse(self, failure: Failure) -> None:
        """A connection could not be made: fail as many requests as it would have had slots.

        The pool always makes as many connections as requests wait for, so a request
        waits at most for the time that one connection may take.
        """
        failed = 0
        while self._waiters and failed < self._capacity:
            waiter = self._waiters.popleft()
            if not waiter.reply.done():
                # Each request gets its own: a raised exception collects the frames of its raiser.
                waiter.reply.set_exception(type(failure)(failure.message, code=failure.code))
                failed += 1

    def _settle_soon(self) -> None:
        if not self._settling:
            self._settling = True
            self._loop.call_soon(self._settle)

    def _settle(self) -> None:
        """Give waiting requests to free slots, and make connections for the rest."""
        self._settling = False
        self._sessions = [session for session in self._sessions if not session.closed]
        self._waiters = deque(waiter for waiter in self._waiters if not waiter.reply.done())
        for session in reversed(self._sessions):
            while self._waiters and session.slots:
                waiter = self._waiters.popleft()
                waiter.reply.set_result(session.send(waiter.sending.headers, waiter.sending.body))
        while len(self._connecting) * self._capacity < len(self._waiters):
            self._connecting.add(self._loop.create_task(self._connect()))
        self._sweep()

    def _sweep(self) -> None:
        """Close idle connections above the limit, and those that were idle for too long."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        idle = [session for session in self._sessions if session.idle]
        oldest = self._loop.time() - _IDLE_TIME
        keep = 1 if self._capacity > 1 else _IDLE_HTTP1
        for index, session in enumerate(idle):
            if index < len(idle) - keep or session.idle_since <= oldest:
                session.close()
        if idle:
            self._sweeper = self._loop.call_later(_IDLE_TIME, self._sweep)


@dataclass(frozen=True, slots=True)
class _Sending:
    """A request as a session sends it."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Waiter:
    """A request that waits for a slot."""

    sending: _Sending
    reply: asyncio.Future[Reply]
