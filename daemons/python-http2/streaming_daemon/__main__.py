"""`python -m streaming_daemon --socket PATH [options]`; see README.md."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from streaming_daemon.config import Config, parse_args
from streaming_daemon.redaction import OneLine, Redact, redactor
from streaming_daemon.server import Server
from streaming_daemon.socket_file import SocketFile, SocketFileTakenError


def main() -> int:
    """Run the daemon; return the exit status."""
    config = parse_args(sys.argv[1:], os.environ)
    redact = redactor(config.api.key)
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(redact))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    try:
        socket_file = SocketFile(config.socket, config.socket_mode)
    except (SocketFileTakenError, OSError) as error:
        logging.error("cannot listen: %s", error)
        return 1
    try:
        asyncio.run(_serve(config, socket_file, redact))
    finally:
        socket_file.remove()
    return 0


async def _serve(config: Config, socket_file: SocketFile, redact: Redact) -> None:
    await Server(config, socket_file, redact).run()


if __name__ == "__main__":
    sys.exit(main())
