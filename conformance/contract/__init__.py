"""The contract: numbered clauses, and what a red check means.

Every check cites one clause, every scenario at least one. The number is what
a user searches for, so it is stable for ever: a clause may be reworded, never
renumbered. Each profile's clauses stand in a module of its own; docs/ holds the
same tables with the wire facts around them, and a test holds the two together.
"""

from __future__ import annotations

from importlib import import_module

from conformance.contract import agent_chat, handoff, rpc_chat, spaces
from conformance.contract.clause import Clause, Level

__all__ = ["CLAUSES", "UNTESTABLE", "Clause", "Level", "clause", "first"]

_PROFILES = (handoff, rpc_chat, agent_chat, spaces)

CLAUSES: dict[str, Clause] = {each.id: each for profile in _PROFILES for each in profile.CLAUSES}
"""Every clause of every profile, by number, in the order of the contract."""

UNTESTABLE: dict[str, str] = {
    entry: reason for profile in _PROFILES for entry, reason in profile.UNTESTABLE.items()
}
"""What no scenario covers, and why: by clause, or by the name such a scenario would have."""


def clause(clause_id: str) -> Clause:
    """Look a clause up by its number; LookupError names the valid ones."""
    try:
        return CLAUSES[clause_id]
    except KeyError:
        valid = " ".join(CLAUSES)
        raise LookupError(f"no clause {clause_id!r} in the contract; there are: {valid}") from None


def first(profile: str) -> Clause:
    """The profile's clause about being served at all: what is broken where nothing answers."""
    found: Clause = import_module(f"{__name__}.{profile.replace('-', '_')}").CLAUSES[0]
    return found
