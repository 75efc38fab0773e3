"""The process: it activates faults; the smallest faulty websites."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from pathlib import Path

from faults import FAULTS
from switch import activated, fault

CLIENTS = ("aiohttp", "requests")
"""Modules that the client half of the Socket.IO library loads: a third of the start's time, and
the self-test starts hundreds of websites."""


def main() -> int:
    """Serve with the faults of the command line; return the exit status."""
    rest = activated(FAULTS)
    if fault("dead"):
        return 1
    for name in CLIENTS:
        sys.modules[name] = None  # type: ignore[assignment]
    sys.path.insert(0, str(Path(__file__).parents[3] / "daemons" / "spaces"))
    from spaces_website.config import parse_args  # noqa: PLC0415

    config = parse_args(rest, os.environ)
    if fault("closes") or fault("silent"):
        return _accept(config.host, config.port)
    logging.basicConfig(format="spaces: %(levelname)s: %(message)s")
    from wiring import FaultySite, serve  # noqa: PLC0415

    return serve(FaultySite(config))


def _accept(host: str, port: int) -> int:
    """Accept connections, and never answer."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    kept = []
    with socket.create_server((host, port)) as listener:
        while True:
            connection, _ = listener.accept()
            if fault("closes"):
                connection.close()
            else:
                kept.append(connection)
