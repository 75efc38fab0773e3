"""The process: it activates faults, and replaces parts of the backend."""

from __future__ import annotations

import argparse
import asyncio
import difflib
import logging
import sys
from pathlib import Path

from faults import FAULTS
from switch import activate, fault


def main() -> int:
    """Serve with the faults of the command line; return the exit status."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--fault", action="append", default=[])
    chosen, rest = parser.parse_known_args()
    for name in chosen.fault:
        if name not in FAULTS:
            near = difflib.get_close_matches(name, FAULTS, 1)
            parser.error(f"unknown fault {name!r}; the nearest is {near[0] if near else '-'}")
    activate(chosen.fault)
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
