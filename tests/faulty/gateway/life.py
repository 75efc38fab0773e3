"""The process: it activates faults, and replaces parts of the gateway."""

from __future__ import annotations

import sys
from pathlib import Path

from faults import FAULTS
from switch import activated, fault


def main() -> int:
    """Serve with the faults of the command line; return the exit status."""
    rest = activated(FAULTS)
    if fault("dead"):
        return 1
    daemons = Path(__file__).parents[3] / "daemons"
    sys.path[1:1] = [str(daemons / "gateway"), str(daemons / "python-shared")]

    # The imports depend on the path above.
    import llm_gateway.__main__  # noqa: PLC0415
    import wiring  # noqa: PLC0415

    wiring.spoil()
    sys.argv[1:] = rest
    return llm_gateway.__main__.main()
