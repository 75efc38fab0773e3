"""The ASGI application: the socket's route, the REST side, and the service's life around both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket

from agent_chat import rest
from agent_chat.service import Service

POLICY_VIOLATION = 1008


def create_app(service: Service) -> FastAPI:
    """The application of this service."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.open():
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    rest.install(app, service)

    @app.websocket("/ws")
    async def chat(socket: WebSocket) -> None:
        # Accepted in any case: a handshake that fails has no close code to tell.
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
