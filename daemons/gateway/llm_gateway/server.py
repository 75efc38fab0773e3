"""The process: listeners, connections, and the graceful end."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
import socket
import ssl
from functools import partial

from llm_api.failure import ShuttingDown

from llm_gateway.config import Config, Listen
from llm_gateway.connection import Connection, Limits, Terms
from llm_gateway.gateway import Gateway, Rules
from llm_gateway.listener import Listener
from llm_gateway.opening import Opening
from llm_gateway.peer import Peer
from llm_gateway.routes import Routes

log = logging.getLogger(__name__)

_GRACE = 0.25
"""Seconds that a connected client may still take to send its request when the gateway stops,
and that the last errors have to reach their clients."""
_RESERVE = 64
"""Descriptors that are not for connections."""


class Server:
    """A running gateway. Create it inside the event loop."""

    def __init__(self, config: Config, secrets: tuple[str, ...]) -> None:
        self._config = config
        self._loop = asyncio.get_running_loop()
        timeouts = config.timeouts
        # Every request may need a descriptor for its client and one for the API.
        places = max(1, (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _RESERVE) // 2)
        self._places = places
        self._routes = Routes(config.routes, timeouts)
        rules = Rules(
            passes_bytes=config.passes_bytes,
            own_key=config.own_key,
            client_keys=config.client_keys,
            usage=config.usage,
            max_requests=min(config.max_connections, places),
            idle=timeouts.idle,
            secrets=secrets,
        )
        self._gateway = Gateway(self._routes, rules)
        limits = Limits(config.max_body, timeouts.request, timeouts.keep_alive)
        self._terms = Terms(self._gateway, limits, timeouts.write)
        self._connections: dict[Connection, None] = {}  # in the order of their arrival
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then finish the running responses. Raises OSError."""
        listeners = [
            self._listen(listen, context)
            for listen, context in (
                (self._config.plain, None),
                (self._config.tls, self._config.tls_context),
            )
            if listen is not None
        ]
        for listener in listeners:
            listener.start()
            log.info("serving %s", listener.address)
        await self._stopping.wait()
        for listener in listeners:
            listener.close()
        await self._drain()
        self._routes.close()
        log.info("stopped")

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def _listen(self, listen: Listen, context: ssl.SSLContext | None) -> Listener:
        return Listener(listen, partial(self._take, context), make_room=self._make_room)

    def _take(self, context: ssl.SSLContext | None, sock: socket.socket) -> None:
        if len(self._connections) >= self._places:
            self._make_room()
        peer = Peer(sock, context, write_timeout=self._terms.write_timeout)
        self._connections[Opening(peer, self._terms, self._on_closed)] = None
        peer.start()

    def _make_room(self) -> bool:
        """Close the oldest connection without a request; return whether there was one."""
        for connection in self._connections:
            if connection.idle:
                connection.abort()
                return True
        return False

    def _on_closed(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
        self._gateway.changed.set()

    # The end.

    async def _drain(self) -> None:
        log.info("stopping; %d responses are running", len(list(self._gateway.running)))
        finished = asyncio.create_task(self._finish())
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait(
            (finished, hurry),
            timeout=self._config.timeouts.shutdown,
            return_when=asyncio.FIRST_COMPLETED,
        )
        finished.cancel()
        hurry.cancel()
        for exchange in self._gateway.running:
            exchange.interrupt(ShuttingDown("the gateway is shutting down"))
        await self._until_closed(_GRACE)
        for connection in list(self._connections):
            connection.abort()

    async def _finish(self) -> None:
        """Wait until every connection has ended."""
        busy = [connection for connection in self._connections if not connection.idle]
        for connection in busy:
            connection.drain()
        if len(busy) < len(self._connections):
            await asyncio.sleep(_GRACE)  # a request may be on its way
        for connection in list(self._connections):
            connection.drain()
        await self._until_closed(None)

    async def _until_closed(self, timeout: float | None) -> None:
        try:
            async with asyncio.timeout(timeout):
                while self._connections:
                    self._gateway.changed.clear()
                    await self._gateway.changed.wait()
        except TimeoutError:
            pass
