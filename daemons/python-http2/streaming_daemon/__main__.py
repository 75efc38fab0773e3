"""The command `streaming-daemon --socket PATH [options]`; see README.md."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from llm_api.redaction import OneLine, Redact, redactor

from streaming_daemon.config import Config, parse_args
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
    return asyncio.run(_serve(config, redact))


async def _serve(config: Config, redact: Redact) -> int:
    server = Server(config, redact)  # handles signals from here on
    try:
        socket_file = SocketFile(config.socket, config.socket_mode)
    except (SocketFileTakenError, OSError) as error:
        logging.error("cannot listen: %s", error)
        return 1
    try:
        await server.run(socket_file)
    finally:
        socket_file.remove()
    # A name lookup under way cannot be cancelled, and the interpreter would wait for its thread.
    logging.shutdown()
    os._exit(0)
