"""The tables of docs/patterns.md, line by line; docs/generate.py writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mock_api.language.failures import FAILURES
from mock_api.language.named import Named
from mock_api.language.patterns import MODIFIERS, PATTERNS
from mock_api.language.registered import SCRIPT

_SCRIPT = Named(f"{SCRIPT}NAME", "the script registered under NAME (docs/control.md)", "mine")


def patterns() -> Iterator[str]:
    """The answers."""
    return _table("pattern", (*PATTERNS, _SCRIPT))


def failures() -> Iterator[str]:
    """The failures."""
    return _table("pattern", FAILURES)


def modifiers() -> Iterator[str]:
    """The modifiers."""
    return _table("modifier", MODIFIERS)


def _table(kind: str, lines: Iterable[Named]) -> Iterator[str]:
    yield f"| {kind} | what is sent | example |"
    yield "|---|---|---|"
    for line in lines:
        yield f"| {_code(line.name)} | {line.meaning} | {_code(line.example)} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else "(none)"
