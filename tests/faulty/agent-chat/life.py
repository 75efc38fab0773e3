"""The process: it activates faults, and replaces parts of the backend."""

from __future__ import annotations

import gc
import logging
import sys
from pathlib import Path

from faults import FAULTS
from switch import activated, fault


def main() -> int:
    """Serve with the faults of the command line; return the exit status."""
    rest = activated(FAULTS)
    if fault("dead"):
        return 1
    sys.path.insert(0, str(Path(__file__).parents[3] / "daemons" / "agent-chat"))
    logging.basicConfig(format="agent-chat: %(levelname)s: %(message)s")
    gc.disable()
    from agent_chat.options import parse  # noqa: PLC0415
    from wiring import FaultyServer, FaultyService, create_app  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    service = FaultyService(parse(rest))
    FaultyServer(create_app(service), service).run()
    return 0
