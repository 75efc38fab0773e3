"""The API as the rest of the daemon sees it: send a request, get a reply.

Behind it is a pool of connections. HTTP/1.1 and HTTP/2 differ in one number,
how many requests a connection takes at a time, so one pool serves both: a
request takes a free slot; if there is none it waits, and connections are made
for as many slots as requests wait. Which protocol it is turns out in the TLS
handshake.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from streaming_daemon.config import Api, Timeouts
from streaming_daemon.failure import Failure, Late, Unprocessed, Unreachable
from streaming_daemon.http1 import Http1Session
from streaming_daemon.http2 import Http2Session
from streaming_daemon.link import open_link
from streaming_daemon.reply import Reply
from streaming_daemon.request import Request

log = logging.getLogger(__name__)

_IDLE_TIME = 30.0
"""Seconds a connection without requests is kept."""
_IDLE_HTTP1 = 8
"""HTTP/1.1 connections kept idle; of HTTP/2, one. After a burst the rest are closed."""


class Session(Protocol):
    """A connection that requests can be sent on."""

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
        """Whether it has nothing to do."""

    def send(self, headers: Sequence[tuple[bytes, bytes]], content: bytes) -> Reply:
        """Send a request; only while there is a slot."""

    def close(self) -> None:
        """Close it; requests under way fail."""


class Upstream:
    """The API, through as many connections as it takes."""

    def __init__(self, api: Api, timeouts: Timeouts) -> None:
        self._api = api
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._sessions: list[Session] = []
        self._waiters: deque[_Waiter] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._settling = False
        self._capacity = 100 if api.http2 else 1  # of a connection; a guess until one is open
        self._sweeper: asyncio.TimerHandle | None = None
        self._headers: list[tuple[bytes, bytes]] = [
            (b":method", b"POST"),
            (b":scheme", b"https" if api.tls else b"http"),
            (b":authority", api.authority.encode()),
            (b":path", api.path.encode()),
            (b"content-type", b"application/json"),
            (b"accept", b"text/event-stream"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", b"streaming-daemon-python-http2"),
        ]
        if api.key:  # which h2 keeps out of every compression table
            self._headers.append((b"authorization", b"Bearer " + api.key.encode()))

    async def request(self, request: Request) -> Reply:
        """Send a request; return its reply once the response's head has arrived.

        Sends it a second time if the API certainly did not process it the
        first time. Raises Failure.
        """
        sending = self._prepare(request)
        try:
            return await self._answered(await self._send(sending))
        except Unprocessed as unprocessed:
            log.info("sending the request again: %s", unprocessed)
            # Where one pooled connection was dead, so may be the next.
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
        length = (b"content-length", b"%d" % len(request.body))
        return _Sending([*self._headers, length, *request.headers], request.body)

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
            # The one opened last: the others get a chance to run empty and be closed.
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
                waiter.reply.result().cancel()  # in the moment between sending and telling
            raise

    async def _send_afresh(self, sending: _Sending) -> Reply:
        """Send on a connection made for this request; the pool has it afterwards."""
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
            log.exception("connecting failed in a way nobody thought of")
            failure = Unreachable(f"no connection to the API: {error}")
        finally:
            self._connecting -= {asyncio.current_task()}
        if failure is not None:
            log.warning("%s", failure)
            self._refuse(failure)
        self._settle_soon()

    def _refuse(self, failure: Failure) -> None:
        """A connection could not be made: tell those who would have been served on it.

        That is, as many as it would have had slots. As many connections are always being
        made as requests wait for, so no request waits for longer than making one may take.
        """
        told = 0
        while self._waiters and told < self._capacity:
            waiter = self._waiters.popleft()
            if not waiter.reply.done():
                # Each gets its own: a raised exception collects its raiser's frames.
                waiter.reply.set_exception(type(failure)(failure.message, code=failure.code))
                told += 1

    def _settle_soon(self) -> None:
        if not self._settling:
            self._settling = True
            self._loop.call_soon(self._settle)

    def _settle(self) -> None:
        """Bring requests that wait and connections together."""
        self._settling = False
        self._sessions = [session for session in self._sessions if not session.closed]
        self._waiters = deque(waiter for waiter in self._waiters if not waiter.reply.done())
        for session in reversed(self._sessions):
            while self._waiters and session.slots:
                waiter = self._waiters.popleft()
                waiter.reply.set_result(session.send(waiter.what.headers, waiter.what.body))
        while len(self._connecting) * self._capacity < len(self._waiters):
            self._connecting.add(self._loop.create_task(self._connect()))
        self._sweep()

    def _sweep(self) -> None:
        """Close idle connections: those beyond the few worth keeping, and those kept too long."""
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

    what: _Sending
    reply: asyncio.Future[Reply]
