"""The end of WebSocket connections.

This middleware handles two ends that the libraries do not handle. When the website
stops, it closes open sockets with 1001, going away. If Engine.IO cannot parse a frame,
its exception skips all clean-up: the socket and its space's app would stay until a ping
times out. The middleware closes such a socket at once with 1002, protocol error.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

GOING_AWAY = 1001
PROTOCOL_ERROR = 1002


class Farewell:
    """A middleware that keeps the open WebSocket connections."""

    def __init__(self, app: ASGIApp, abandon: Callable[[Scope], Awaitable[None]]) -> None:
        """abandon: called with the scope of a connection whose handler failed."""
        self._app = app
        self._abandon = abandon
        self._open: dict[int, Send] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return

        async def watch(message: Message) -> None:
            if message["type"] == "websocket.accept":
                self._open[id(scope)] = send
            elif message["type"] == "websocket.close":
                self._open.pop(id(scope), None)
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            log.warning("invalid frame: %s: %s", type(error).__name__, error)
            await self._abandon(scope)
            await self._close(id(scope), PROTOCOL_ERROR)
        finally:
            self._open.pop(id(scope), None)

    async def say(self) -> None:
        """Close all open connections, because the website stops."""
        for number in list(self._open):
            await self._close(number, GOING_AWAY)

    async def _close(self, number: int, code: int) -> None:
        send = self._open.pop(number, None)
        if send is None:
            return
        try:
            await send({"type": "websocket.close", "code": code})
        except Exception as error:
            log.debug("not closed: %s", error)


def engine_session(scope: Scope, environments: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The Engine.IO session of a connection. The address names it, or it is new."""
    for pair in scope.get("query_string", b"").decode("latin-1").split("&"):
        if pair.startswith("sid="):
            return str(pair.removeprefix("sid="))
    for session, environment in environments.items():
        if environment.get("asgi.scope") is scope:
            return session
    return None
