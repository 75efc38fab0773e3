"""A modifier: the same answer, sent in another way.

A modifier takes a script and returns one with the same answer, or with a part of it.
So modifiers compose, from left to right: `unicode+crlf+bytes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mock_api.language.named import Named
from mock_api.language.script import Script


@dataclass(frozen=True, slots=True)
class Modifier(Named):
    """A named change to a script."""

    apply: Callable[[Script, str], Script]
    """From a script and the argument to the modified script. Raises ValueError."""
    text: bool = False
    """It changes events: an answer that is one object stays as it is."""
