"""The ASGI application: the route of the socket, the REST routes, and the service's lifespan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket

from agent_chat import rest
from agent_chat.service import Service

POLICY_VIOLATION = 1008


def create_app(service: Service) -> FastAPI:
    """Build the application of a service. It opens the service in its lifespan.

    It works under uvicorn and under Starlette's TestClient, which uses a thread of its own.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.open():
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    rest.install(app, service)

    @app.websocket("/ws")
    async def chat(socket: WebSocket) -> None:
        # A handshake that fails has no close code, so the socket is accepted first.
        await socket.accept()
        if not service.admits(socket.query_params.get("token")):
            await socket.close(POLICY_VIOLATION)
            return
        connection = service.connection_type(socket, service.turns)
        service.connections.add(connection)
        try:
            await connection.serve()
        finally:
            service.connections.discard(connection)

    return app
