"""The chat server that the examples talk to.

    python chat_server.py [--port 8765] [--certificate FILE --key FILE]

The server broadcasts connections, disconnections and messages. It prints its URL when it
is ready.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, broadcast, serve

clients: set[ServerConnection] = set()


def announce(text: str) -> None:
    """Send a message to every user."""
    broadcast(clients, json.dumps({"message": text}))


async def chat(client: ServerConnection) -> None:
    """Serve one user until it disconnects."""
    assert client.request is not None
    (name,) = parse_qs(urlsplit(client.request.path).query)["name"]
    clients.add(client)
    announce(f"{name} has connected")
    try:
        async for frame in client:
            announce(f"{name}: {json.loads(frame)['message']}")
    finally:
        clients.remove(client)
        announce(f"{name} has disconnected")


async def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--certificate", help="serve wss with this certificate chain")
    parser.add_argument("--key", help="the certificate's key, where it is not in the same file")
    options = parser.parse_args()
    context = None
    if options.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)
    async with serve(chat, "localhost", options.port, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"{'wss' if context else 'ws'}://localhost:{port}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
