"""The commands that a report offers: how to repeat a result, and how to have it explained."""

from __future__ import annotations

import shlex

from conformance.core.result import Result

PROGRAM = "conformance"
"""How a user calls the command, unless the report knows another way."""


def repeat(result: Result, program: str) -> str:
    """The command that repeats just this result; empty for one that needs no repeating.

    program: how the user calls the command, as shell text.
    """
    return f"{program} run {shlex.join(result.repeat)}" if result.repeat else ""


def explain(result: Result, program: str) -> str:
    """The command that explains the result's scenario."""
    return f"{program} explain {result.scenario}"
