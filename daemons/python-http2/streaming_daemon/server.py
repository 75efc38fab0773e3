"""The daemon: admission of clients, and the graceful end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket

from llm_api.environment import DEFAULT_MODEL
from llm_api.failure import Failure, Overloaded, ShuttingDown
from llm_api.redaction import Redact
from llm_api.upstream import Upstream

from streaming_daemon import request, wire
from streaming_daemon.bad_handoff import BadHandoff, TooLarge
from streaming_daemon.config import Config
from streaming_daemon.handoff import Receiver
from streaming_daemon.relay import Exchange, Terms
from streaming_daemon.rendering import renderer
from streaming_daemon.socket_file import SocketFile

log = logging.getLogger(__name__)

_PENDING_TIME = 0.25
"""Seconds that a connected peer may still take to send when the daemon stops. The web
server sends within 200 ms."""
_LAST_ERRORS_TIME = 0.25
"""Seconds to send the last errors to their clients when the shutdown time is over."""


class Server:
    """A running daemon.

    Create it inside the event loop, and before its socket: a process that sees the
    socket may send signals.
    """

    def __init__(self, config: Config, redact: Redact) -> None:
        self._config = config
        self._loop = asyncio.get_running_loop()
        self._upstream = Upstream(
            config.api, config.timeouts, agent="streaming-daemon-python-http2"
        )
        self._terms = Terms(
            upstream=self._upstream,
            render=renderer(config.format),
            timeouts=config.timeouts,
            redact=redact,
        )
        self._served: set[Exchange] = set()
        self._refused: set[Exchange] = set()  # still open, but they do not count
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._changed = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal)
        for number in (signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)  # these do not stop the daemon

    async def run(self, socket_file: SocketFile) -> None:
        """Serve until SIGTERM or SIGINT, then finish what is running."""
        handoff_time = self._config.timeouts.handoff
        receiver = Receiver(socket_file.socket, self._take, timeout=handoff_time)
        log.info("serving %s", self._config.socket)
        await self._stopping.wait()
        socket_file.remove()  # from now on no peer can connect
        await self._drain(receiver)
        self._upstream.close()
        log.info("stopped")

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    # Handoffs.

    def _take(self, sock: socket.socket, data: bytes | None) -> None:
        try:
            if data is None:
                raise TooLarge("the handoff data does not fit into one message")
            handoff = request.parse(data, default_model=DEFAULT_MODEL)
        except BadHandoff as failure:
            headers = {} if data is None else request.response_headers(data)
            self._refuse(sock, failure, wire.header_lines(headers))
            return
        extra = wire.header_lines(handoff.response_headers)
        if len(self._served) >= self._config.max_connections:
            self._refuse(
                sock,
                Overloaded("the daemon serves as many clients as it admits", retry_after="1"),
                extra,
            )
            return
        exchange = Exchange(sock, self._terms, extra, self._on_closed)
        self._served.add(exchange)
        exchange.start(handoff.request)

    def _refuse(self, sock: socket.socket, failure: Failure, extra: bytes) -> None:
        exchange = Exchange(sock, self._terms, extra, self._on_closed)
        self._refused.add(exchange)
        exchange.refuse(failure)

    def _on_closed(self, exchange: Exchange) -> None:
        self._served.discard(exchange)
        self._refused.discard(exchange)
        self._changed.set()

    # The end.

    async def _drain(self, receiver: Receiver) -> None:
        log.info("stopping; %d streams are running", len(self._served))
        receiver.close()
        hurry = asyncio.create_task(self._hurry.wait())
        finished = asyncio.create_task(self._finish(receiver))
        await asyncio.wait(
            (hurry, finished),
            timeout=self._config.timeouts.shutdown,
            return_when=asyncio.FIRST_COMPLETED,
        )
        hurry.cancel()
        finished.cancel()
        receiver.abort()
        for exchange in self._exchanges:
            exchange.interrupt(ShuttingDown("the daemon is shutting down"))
        self._loop.call_later(_LAST_ERRORS_TIME, self._changed.set)
        deadline = self._loop.time() + _LAST_ERRORS_TIME
        while self._exchanges and self._loop.time() < deadline:
            self._changed.clear()
            await self._changed.wait()
        for exchange in self._exchanges:
            exchange.abort()

    async def _finish(self, receiver: Receiver) -> None:
        """Wait until every client has been served."""
        await asyncio.sleep(0 if not receiver.pending else _PENDING_TIME)
        while self._exchanges or not receiver.closed:
            self._changed.clear()
            if receiver.closed:
                await self._changed.wait()
            else:  # descriptors ran out, and the queue waits
                await asyncio.sleep(_PENDING_TIME)

    @property
    def _exchanges(self) -> list[Exchange]:
        return [*self._served, *self._refused]
