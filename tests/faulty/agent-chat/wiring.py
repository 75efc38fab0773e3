"""The backend with its parts replaced; faults of its keys, its REST routes and its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket

import agent_chat.app
import agent_chat.rest
import uvicorn
from agent_chat.server import Server
from agent_chat.service import Service
from conversation import FaultyNodes, FaultyTurns
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from memory import FaultyApprovals, FaultyOrders, FaultyRate, FaultySessions, FaultyThreads
from outlet import FaultyConnection
from protocol import FaultyWebSocket
from speech import FaultyModel
from switch import fault


class FaultyService(Service):
    """The backend, made of faulty parts."""

    sessions_type = FaultySessions
    approvals_type = FaultyApprovals
    orders_type = FaultyOrders
    rate_type = FaultyRate
    threads_type = FaultyThreads
    model_type = FaultyModel
    nodes_type = FaultyNodes
    turns_type = FaultyTurns
    connection_type = FaultyConnection

    def admits(self, key: str | None) -> bool:
        """Whether this key opens the backend."""
        if fault("key_ignored"):
            return True
        if fault("key_by_prefix") and key and (self.options.api_key or "").startswith(key):
            return True
        return super().admits(key)


class FaultyServer(Server):
    """The server; a fault ends it as uvicorn does."""

    websocket_type = FaultyWebSocket

    def __init__(self, app: FastAPI, service: Service) -> None:
        super().__init__(app, service)
        if fault("message_unbounded"):
            self.config.ws_max_size = 1 << 40

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals."""
        ours = uvicorn.Server.capture_signals if fault("stops_as_uvicorn") else None
        with ours(self) if ours else super().capture_signals():
            yield

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Close the connections."""
        if fault("stops_as_uvicorn"):
            await uvicorn.Server.shutdown(self, sockets)
        else:
            await super().shutdown(sockets)


def _failed(status: int, message: str) -> JSONResponse:
    if fault("errors_not_enveloped"):
        return JSONResponse({"detail": message}, status)
    return JSONResponse({"success": False, "data": None, "error": message}, status)


def create_app(service: Service) -> FastAPI:
    """The application."""
    app = agent_chat.app.create_app(service)
    if fault("health_enveloped"):
        wrong = FastAPI(openapi_url=None)

        @wrong.get("/api/v1/health")
        async def health() -> dict[str, object]:
            return agent_chat.rest.data({"status": "ok"})

        # The first matching route answers.
        app.router.routes[:0] = wrong.router.routes[-1:]
    return app


agent_chat.rest.failed = _failed
if fault("key_refused_normally"):
    agent_chat.app.POLICY_VIOLATION = 1000
