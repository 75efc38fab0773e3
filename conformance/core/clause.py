"""Clauses: the numbered sentences of a profile's contract.

Every check cites one clause, every scenario at least one. The number is what
a user searches for, so it never changes: a clause may be reworded, but not
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


Sentence = tuple[Level, str]
"""A clause without its number: how binding it is, and what it says."""


def must(sentence: str) -> Sentence:
    """A sentence that binds every daemon of the profile."""
    return Level.MUST, sentence


def should(sentence: str) -> Sentence:
    """A sentence whose violation is a warning."""
    return Level.SHOULD, sentence


def numbered(prefix: str, *sentences: Sentence) -> tuple[Clause, ...]:
    """The clauses of a contract, numbered from 1: `RC1`, `RC2`, …"""
    return tuple(
        Clause(f"{prefix}{number}", level, sentence)
        for number, (level, sentence) in enumerate(sentences, start=1)
    )
