"""The Socket.IO side: three events in, two out.

Events of one socket are handled one after the other, in the order of their
arrival, so that `processing` cannot overtake `completed`. Any origin may
connect: a socket has no user's rights, only what it registers for. Events that
do not count are dropped with a line in the log; the protocol has no answer for
them.
"""

from __future__ import annotations

import logging
from typing import Any

import socketio  # type: ignore[import-untyped]
from starlette.types import ASGIApp, Scope

from spaces_website.broker import Broker
from spaces_website.farewell import engine_session

log = logging.getLogger(__name__)

LARGEST_MESSAGE = 1024 * 1024
"""Bytes of one event: a result with a long text, not one with a film."""


class Sockets:
    """The Socket.IO server; the broker's wire."""

    def __init__(self, *, ping_interval: float, ping_timeout: float) -> None:
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            cors_allowed_origins="*",
            async_handlers=False,
            max_http_buffer_size=LARGEST_MESSAGE,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
        )

    def serve(self, broker: Broker) -> None:
        """Bring events to the broker."""

        async def register(socket: str, *payload: object) -> None:
            try:
                await broker.register(socket, _single(payload))
            except Exception as error:
                log.exception("register")
                answer = {"success": False, "message": f"Server error: {type(error).__name__}"}
                await self.emit("register_response", answer, socket)

        async def inference_result(socket: str, *payload: object) -> None:
            try:
                reason = broker.report(socket, _single(payload))
            except Exception:
                log.exception("inference_result")
                return
            if reason is not None:
                log.warning("a result was not taken: %s", reason)

        async def disconnect(socket: str, *_reason: object) -> None:
            # A client can send an event of this name as well; then it is still there.
            if not self.connected(socket):
                broker.left(socket)

        self._server.on("register", register)
        self._server.on("inference_result", inference_result)
        self._server.on("disconnect", disconnect)

    def application(self, website: ASGIApp) -> ASGIApp:
        """Socket.IO under its path, the website elsewhere."""
        application: ASGIApp = socketio.ASGIApp(self._server, other_asgi_app=website)
        return application

    async def emit(self, event: str, data: dict[str, Any], socket: str) -> None:
        """Send one event to one socket."""
        await self._server.emit(event, data, to=socket)

    def connected(self, socket: str) -> bool:
        """Whether the socket is still there."""
        return bool(self._server.manager.is_connected(socket, "/"))

    async def disconnect(self, socket: str) -> None:
        """End a socket's connection, after what was sent to it."""
        await self._server.disconnect(socket)

    async def abandon(self, scope: Scope) -> None:
        """Close the session of a connection whose handler broke."""
        session = engine_session(scope, self._server.environ)
        found = self._server.eio.sockets.get(session)
        if found is not None:
            await found.close(wait=False, abort=True)

    async def stop(self) -> None:
        """End the server's own tasks."""
        await self._server.shutdown()


def _single(payload: tuple[object, ...]) -> object:
    """The one argument of an event; nothing if there are none or more."""
    return payload[0] if len(payload) == 1 else None
