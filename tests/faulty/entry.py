"""An entry of a table of faults: the mistake, and the clauses that it violates.

It is a named tuple: a faulty daemon starts dozens of times for each fault, and dataclasses
take longer to import.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """One fault of a daemon."""

    description: str
    """The mistake, after the daemon's name: `drops the last event`."""
    clauses: tuple[str, ...]
    """All clauses of the contract that it violates, and no others."""
    daemon: str
    """The manifest in whose daemon it shows."""
    variant: str = "default"
    """The variant in which it shows."""
