"""What the mock is measured against on HTTP/1.1: uvicorn serving the same bytes as raw ASGI.

uvloop, httptools, no access log: as fast as it goes. Prints its port.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from mock_api.language.answer import Options
from mock_api.language.encoders.chat import events
from mock_api.language.encoders.encoder import Asked
from mock_api.language.patterns import answer

PARTS = events(answer("", Options()), Asked())
HEAD = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"text/event-stream"),
        (b"cache-control", b"no-cache"),
        (b"x-test-pattern-applied", b"default"),
    ],
}

Message = dict[str, Any]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Read the request, send the ordinary answer one body part an event."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send(HEAD)
    for part in PARTS:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def main() -> None:
    """Serve until killed."""
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", log_level="error", access_log=False, backlog=4096
    )
    sock = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(sock.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[sock])


if __name__ == "__main__":
    main()
