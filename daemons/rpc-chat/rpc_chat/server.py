"""The process: a port, signals, and a farewell (1001) to every client."""

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
"""How long a client's own close frame is awaited."""


def listen(engine: Engine) -> AbstractAsyncContextManager[Server]:
    """The listener, which is open inside `async with`."""

    async def handle(socket: ServerConnection) -> None:
        assert socket.request is not None
        names = parse_qs(urlsplit(socket.request.path).query).get("stage", [""])
        await engine.connection(socket, engine.stage(names[-1])).serve()

    return websockets.serve(
        handle,
        engine.options.host,
        engine.options.port,
        process_request=_elsewhere,
        max_size=MESSAGE_BYTES,
        compression=None,
        close_timeout=FAREWELL_SECONDS,
        server_header=None,
    )


async def serve(engine: Engine) -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
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


def _elsewhere(socket: ServerConnection, request: Request) -> Response | None:
    if urlsplit(request.path).path == PATH:
        return None
    return socket.respond(HTTPStatus.NOT_FOUND, f"There is nothing here but {PATH}.\n")
