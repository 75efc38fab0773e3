"""uvicorn, with the life that a daemon is expected to have.

It ends on SIGTERM and SIGINT with status 0 (uvicorn would raise the signal
again), closes sockets with 1001, going away (uvicorn: 1012), and gives clients a
moment to take the close frame; who does not read is cut off. The port accepts
when everything is ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Iterator
from socket import socket
from typing import ClassVar

import uvicorn
from fastapi import FastAPI

from agent_chat.closing import LingeringWebSocket, told_in_a_line
from agent_chat.service import Service

GOING_AWAY = 1001

FAREWELL_SECONDS = 0.5
"""For how long the clients' own close frames are awaited."""

FRAME_BYTES = 4 << 20
"""WebSocket messages above this close the connection with 1009; below, an error frame tells."""


class Server(uvicorn.Server):
    """Serves one service."""

    websocket_type: ClassVar[type[LingeringWebSocket]] = LingeringWebSocket

    def __init__(self, app: FastAPI, service: Service) -> None:
        """app: the service's application."""
        self._service = service
        options = service.options
        super().__init__(
            uvicorn.Config(
                app,
                host=options.host,
                port=options.port,
                loop="asyncio",
                http="h11",
                ws=self.websocket_type,
                ws_max_size=FRAME_BYTES,
                ws_per_message_deflate=False,
                lifespan="on",
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=2,
            )
        )
        logging.getLogger("uvicorn.error").addFilter(told_in_a_line)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the server, and are then done with."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.handle_exit, signum, None)
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Open the service, then the port."""
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        place = f"[{host}]" if ":" in host else host
        print(f"agent-chat: ws://{place}:{port}/ws", file=sys.stderr, flush=True)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let the clients go, then the rest."""
        for server in self.servers:
            server.close()
        await self._service.close_connections(GOING_AWAY)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                while self.server_state.connections:  # noqa: ASYNC110 (uvicorn has no event for it)
                    await asyncio.sleep(0.01)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await super().shutdown(sockets)
