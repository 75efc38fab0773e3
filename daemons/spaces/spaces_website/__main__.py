"""The process: bind, print the address, serve until SIGTERM or SIGINT, exit with status 0."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence

import uvicorn

from spaces_website.config import Config, parse_args
from spaces_website.site import Site

PATIENCE = 5
"""Limit in seconds for running requests when the website stops."""


class Server(uvicorn.Server):
    """uvicorn, except that the site closes the connections of its apps itself."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        super().__init__(config)
        self._site = site

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, close the sockets, and wait for running requests."""
        for server in self.servers:
            server.close()
        await self._site.stop()
        await super().shutdown(sockets)


def serve(site: Site) -> int:
    """Serve a site until a signal and return the exit status."""
    config = site.config
    try:
        listener = _bind(config)
    except OSError as error:
        where = f"{config.host}:{config.port}"
        print(f"spaces-website: cannot listen on {where}: {error.strerror}", file=sys.stderr)
        return 1
    host, port = listener.getsockname()[:2]
    print(f"spaces-website: http://{host}:{port}", file=sys.stderr, flush=True)
    server = Server(
        uvicorn.Config(
            site.application,
            access_log=False,
            log_level="warning",
            server_header=False,
            ws_max_size=2 * 1024 * 1024,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=PATIENCE,
        ),
        site,
    )
    # uvicorn raises the signal again at its end, so its own handler stays installed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    with listener:
        server.run(sockets=[listener])
    return 0 if server.started else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the website and return the exit status."""
    config = parse_args(sys.argv[1:] if argv is None else argv, os.environ)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    return serve(Site(config))


def _bind(config: Config) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


if __name__ == "__main__":
    sys.exit(main())
