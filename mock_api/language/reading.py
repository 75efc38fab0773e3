"""How a script has its request read: slowly, or only in part.

Usually the mock reads a request as fast as it arrives and answers it when it is complete.
A script that asks for another way must be known once the head has arrived. So only the
header X-Test-Pattern can ask for such a script.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """How many bytes of the body the mock reads before it stops or waits."""

    size: int
    """Bytes of the body; 0: only the head."""
    gate: int = 0
    """The gate that lets the mock read the rest. 0: it answers now and reads no more."""
