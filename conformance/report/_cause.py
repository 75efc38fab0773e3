"""Causes: the reason of a result in words, and results that have the same reason."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conformance.core.result import Result, Verdict
from conformance.profiles.registry import profiles


def headline(result: Result) -> str:
    """The reason of a red result, in one sentence."""
    if result.verdict is Verdict.SURPRISE:
        why = f": {result.reason}" if result.reason else ""
        return f"passed, although the manifest lists it as a known failure{why}"
    if result.reason:
        return result.reason
    names = list(dict.fromkeys(each.check for each in result.failures))
    if not names:
        return result.description.partition("\n")[0]
    *most, last = names
    return f"failed checks: {', '.join(most)} and {last}" if most else f"failed check: {last}"


def sentence(profile: str, clause_id: str) -> str:
    """The contract's sentence; empty where the profile or the clause is not installed."""
    try:
        return profiles()[profile].clause(clause_id).sentence
    except LookupError:
        return ""


def alike(results: Iterable[Result]) -> list[list[Result]]:
    """Group the results that failed in the same way on the same daemon, in order.

    They have the same verdict, reason and failed checks with the same expected and actual.
    Places, times and addresses are ignored: they differ between any two exchanges.
    """
    groups: dict[tuple[object, ...], list[Result]] = {}
    for result in results:
        checks = tuple(
            (failed.check, failed.clause, _lasting(failed.expected), _lasting(failed.actual))
            for failed in result.failures
        )
        cause = (result.daemon, result.verdict, _lasting(result.reason), checks)
        groups.setdefault(cause, []).append(result)
    return list(groups.values())


def _lasting(text: str) -> str:
    return re.sub(r"\d+(?:\.\d+)+(?::\d+)?", "#", text)
