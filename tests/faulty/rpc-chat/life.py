"""The process: it activates faults, and replaces parts of the backend."""

from __future__ import annotations

import asyncio
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
    sys.path.insert(0, str(Path(__file__).parents[3] / "daemons" / "rpc-chat"))
    logging.basicConfig(format="rpc-chat: %(levelname)s: %(message)s")

    # The imports depend on the path above, and the imported parts on the active faults.
    import protocol  # noqa: PLC0415
    from rpc_chat.options import parse  # noqa: PLC0415
    from rpc_chat.server import serve  # noqa: PLC0415
    from wiring import FaultyEngine  # noqa: PLC0415

    protocol.spoil()
    return asyncio.run(serve(FaultyEngine(parse(rest))))
