"""The backend with its parts replaced, and faults of what stands around them."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket

import agent_chat.app
import agent_chat.rest
import agent_chat.server
import uvicorn
from agent_chat.server import Server
from agent_chat.service import Service
from conversation import FaultyNodes, FaultyTurns
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from faults import fault
from memory import FaultyApprovals, FaultyOrders, FaultyRate, FaultySessions, FaultyThreads
from outlet import FaultyConnection
from speech import FaultyModel


class FaultyService(Service):
    """The same backend, of other parts."""

    sessions_type = FaultySessions
    approvals_type = FaultyApprovals
    orders_type = FaultyOrders
    rate_type = FaultyRate
    threads_type = FaultyThreads
    model_type = FaultyModel
    nodes_type = FaultyNodes
    turns_type = FaultyTurns
    connection_type = FaultyConnection


class FaultyServer(Server):
    """Ends as told, or as uvicorn does."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take signals."""
        ours = uvicorn.Server.capture_signals if fault("stops_as_uvicorn") else None
        with ours(self) if ours else super().capture_signals():
            yield

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Let the clients go."""
        if fault("stops_as_uvicorn"):
            await uvicorn.Server.shutdown(self, sockets)
        else:
            await super().shutdown(sockets)


def _admitted(service: Service, key: str | None) -> bool:
    needed, given = service.options.api_key, key or ""
    if needed is None:
        return True
    if fault("key_by_prefix") and given and needed.startswith(given):
        return True
    return hmac.compare_digest(given.encode(), needed.encode())


def _failed(status: int, message: str) -> JSONResponse:
    if fault("errors_not_enveloped"):
        return JSONResponse({"detail": message}, status)
    return JSONResponse({"success": False, "data": None, "error": message}, status)


def _create_app(service: Service) -> FastAPI:
    app = FastAPI(openapi_url=None)

    @app.get("/api/v1/health")
    async def health() -> dict[str, object]:
        return agent_chat.rest.data({"status": "ok"})

    right = _right_app(service)
    if fault("health_enveloped"):
        # The first route that matches answers.
        right.router.routes[:0] = app.router.routes[-1:]
    return right


class _Rest:
    """The module, as the socket's route sees it."""

    install = staticmethod(agent_chat.rest.install)

    @staticmethod
    def admitted(service: Service, key: str | None) -> bool:
        """Whether this key opens the socket."""
        return fault("key_ignored") or _admitted(service, key)


_right_app = agent_chat.app.create_app
agent_chat.server.create_app = _create_app
agent_chat.rest.admitted = _admitted
agent_chat.app.rest = _Rest
agent_chat.rest.failed = _failed
if fault("key_refused_normally"):
    agent_chat.app.POLICY_VIOLATION = 1000
