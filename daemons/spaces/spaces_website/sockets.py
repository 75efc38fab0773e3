"""The Socket.IO server: three events from apps, two events to them.

The events of one socket are handled one after the other, in the order of their arrival,
so `processing` cannot overtake `completed`. Any origin may connect, because a socket does
not have a user's rights. The protocol has no answer for an invalid event, so the server
logs it and drops it.
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
"""Limit of one event in bytes. A long text fits; apps upload larger results as files."""


class Sockets:
    """The Socket.IO server. It is the broker's Wire."""

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
        """Pass events to the broker."""

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
                log.warning("inference_result ignored: %s", reason)

        async def disconnect(socket: str, *_reason: object) -> None:
            # A client can send an event with this name. Then it is still connected.
            if not self.connected(socket):
                broker.left(socket)

        self._server.on("register", register)
        self._server.on("inference_result", inference_result)
        self._server.on("disconnect", disconnect)

    def application(self, website: ASGIApp) -> ASGIApp:
        """Socket.IO under its own path and the website under all others."""
        application: ASGIApp = socketio.ASGIApp(self._server, other_asgi_app=website)
        return application

    async def emit(self, event: str, data: dict[str, Any], socket: str) -> None:
        """Send one event to one socket."""
        await self._server.emit(event, data, to=socket)

    def connected(self, socket: str) -> bool:
        """Whether the socket is still connected."""
        return bool(self._server.manager.is_connected(socket, "/"))

    async def disconnect(self, socket: str) -> None:
        """Close a socket's connection after the events that were sent before."""
        await self._server.disconnect(socket)

    async def abandon(self, scope: Scope) -> None:
        """Close the session of a connection whose handler failed."""
        session = engine_session(scope, self._server.environ)
        socket = self._server.eio.sockets.get(session)
        if socket is not None:
            await socket.close(wait=False, abort=True)

    async def stop(self) -> None:
        """End the server's own tasks."""
        await self._server.shutdown()


def _single(payload: tuple[object, ...]) -> object:
    """The only argument of an event. None: the event has another number of arguments."""
    return payload[0] if len(payload) == 1 else None
