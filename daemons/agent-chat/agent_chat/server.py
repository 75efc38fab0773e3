"""The server: uvicorn with the start and the end that a daemon needs.

SIGTERM and SIGINT end it with status 0 (uvicorn raises the signal again). It closes
sockets with 1001, going away (uvicorn: 1012), and waits a moment until clients have
taken the close frame. Then it aborts the connections of clients that do not read. The
port accepts connections when everything is ready.
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

from agent_chat.closing import LingeringWebSocket, without_traceback
from agent_chat.service import Service

GOING_AWAY = 1001

FAREWELL_SECONDS = 0.5
"""Time for the clients to answer the close frame."""

FRAME_BYTES = 4 << 20
"""A larger WebSocket message closes the connection with 1009. A smaller one gets an error."""


class Server(uvicorn.Server):
    """A server for one service."""

    websocket_type: ClassVar[type[LingeringWebSocket]] = LingeringWebSocket

    def __init__(self, app: FastAPI, service: Service) -> None:
        """Configure uvicorn. app: the service's application."""
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
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=2,
            )
        )
        logging.getLogger("uvicorn.error").addFilter(without_traceback)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT end the server without raising them again."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self.handle_exit, signum, None)
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Open the service, then the port, and print the address."""
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        place = f"[{host}]" if ":" in host else host
        print(f"agent-chat: ws://{place}:{port}/ws", file=sys.stderr, flush=True)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Close the clients' connections, then everything else."""
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
