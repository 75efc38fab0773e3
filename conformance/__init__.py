"""Conformance suite for servers that stream LLM output: the public face.

    from conformance import judge

    results = judge("path/to/daemon.toml", categories=["unicode"])

`judge` runs the suite and returns a Result for each scenario. `scenario` declares one of
your own, and `Checks` is what it judges an answer with. `script` builds what the mock API
sends, step by step. `Profile` describes another protocol. docs/pytest.md describes the
fixtures. Nothing is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.checks import Checks
    from conformance.core import script
    from conformance.core.scenario import scenario
    from conformance.profiles.base import Profile
    from conformance.running.library import judge

__all__ = ["Checks", "Profile", "judge", "scenario", "script"]

__version__ = "0.1.0"

_WHERE = {
    "Checks": "conformance.checks",
    "Profile": "conformance.profiles.base",
    "judge": "conformance.running.library",
    "scenario": "conformance.core.scenario",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name == "script":
        return import_module("conformance.core.script")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
