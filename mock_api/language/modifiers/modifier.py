"""A shape: the same answer, sent in another way.

A shape takes a script and gives another that says the same, or as much of it as
gets through. So shapes compose, from left to right: `unicode+crlf+bytes`. Most are
one line of script. docs/patterns.md repeats the tables, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mock_api.language.script import Script


@dataclass(frozen=True, slots=True)
class Shape:
    """One line of the table of shapes."""

    name: str
    meaning: str
    example: str
    apply: Callable[[Script, str], Script]
    """From a script and the argument to the script in this shape. Raises ValueError."""
    text: bool = False
    """It is about events: an answer that is one object stays as it is."""

    @property
    def word(self) -> str:
        return self.name.partition(":")[0]
