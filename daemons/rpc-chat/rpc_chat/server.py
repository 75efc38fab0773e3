"""The server process: the listener, the signals, and close code 1001 for every client."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio import server as websockets
from websockets.asyncio.server import Server, ServerConnection
from websockets.http11 import Request, Response

from rpc_chat.engine import Engine

PATH = "/ws/rpc"

MESSAGE_BYTES = 1 << 20
"""A larger message closes the connection with 1009."""

FAREWELL_SECONDS = 0.5
"""Time for a client to answer the close frame."""


def listen(engine: Engine) -> AbstractAsyncContextManager[Server]:
    """The listener. It is open inside `async with`."""

    async def handle(socket: ServerConnection) -> None:
        assert socket.request is not None
        names = parse_qs(urlsplit(socket.request.path).query).get("stage", [""])
        await engine.connection(socket, engine.stage(names[-1])).serve()

    return websockets.serve(
        handle,
        engine.options.host,
        engine.options.port,
        process_request=_other_path,
        max_size=MESSAGE_BYTES,
        compression=None,
        close_timeout=FAREWELL_SECONDS,
        server_header=None,
    )


async def serve(engine: Engine) -> int:
    """Serve until SIGTERM or SIGINT and return the exit status."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopped.set)
    try:
        async with listen(engine) as server:
            host, port = next(iter(server.sockets)).getsockname()[:2]
            place = f"[{host}]" if ":" in host else host
            print(f"rpc-chat: ws://{place}:{port}{PATH}", file=sys.stderr, flush=True)
            await stopped.wait()
    except OSError as error:
        where = f"{engine.options.host}:{engine.options.port}"
        print(f"rpc-chat: cannot listen on {where}: {error.strerror}", file=sys.stderr)
        return 2
    finally:
        await engine.close()
    return 0


def _other_path(socket: ServerConnection, request: Request) -> Response | None:
    path = urlsplit(request.path).path
    if path == PATH:
        return None
    if path == "/":
        return socket.respond(HTTPStatus.OK, f"The engine is running. Its WebSocket is {PATH}.\n")
    return socket.respond(HTTPStatus.NOT_FOUND, f"Not found. The WebSocket is {PATH}.\n")
