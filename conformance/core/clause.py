"""Clauses: the numbered sentences of a profile's contract.

Every check cites one clause, every scenario at least one. The number is what
a user searches for, so it is stable for ever: a clause may be reworded, never
renumbered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How binding a clause is (RFC 2119)."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


@dataclass(frozen=True, slots=True)
class Clause:
    """One numbered sentence of a contract."""

    id: str
    level: Level
    sentence: str
