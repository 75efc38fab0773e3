"""An entry of a table of faults: the mistake, and the clauses that it violates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a daemon."""

    description: str
    """The mistake, after the daemon's name: `drops the last event`."""
    clauses: tuple[str, ...]
    """All clauses of the contract that it violates, and no others."""
    daemon: str
    """The manifest in whose daemon it shows."""
    variant: str = "default"
    """The variant in which it shows."""
