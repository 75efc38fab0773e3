"""What patterns, failures and modifiers share: a name, a meaning and an example."""

from __future__ import annotations

from dataclasses import dataclass

MOST = 100_000
"""The largest N of a pattern; it bounds the work that one request can cause."""


@dataclass(frozen=True, slots=True)
class Named:
    """One line of the tables in docs/patterns.md."""

    name: str
    """As it is written, the argument in capitals: `abort:N`."""
    meaning: str
    """What the mock sends, in one line."""
    argument: str
    """An argument for an example; empty: it takes none."""

    @property
    def word(self) -> str:
        """The part before the colon."""
        return self.name.partition(":")[0]

    @property
    def example(self) -> str:
        """The name with an argument: `abort:5`."""
        return f"{self.word}:{self.argument}" if self.argument else self.word


def number(argument: str, *, least: int = 0, most: int = MOST) -> int:
    """The argument N. Raises ValueError."""
    if not (argument.isascii() and argument.isdigit() and len(argument) <= 9):
        raise ValueError(f"N is a decimal number from {least} to {most}")
    if not least <= int(argument) <= most:
        raise ValueError(f"N is a decimal number from {least} to {most}")
    return int(argument)
