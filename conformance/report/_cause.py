"""Why a result is what it is, in words, and whether two are so for the same reason."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conformance.core.result import Result, Verdict
from conformance.profiles.registry import profiles


def headline(result: Result) -> str:
    """What went wrong, in one sentence."""
    if result.verdict is Verdict.SURPRISE:
        why = f": {result.reason}" if result.reason else ""
        return f"passed, although the manifest lists it as a known failure{why}"
    if result.reason:
        return result.reason
    names = list(dict.fromkeys(each.check for each in result.failures))
    if not names:
        return result.description.partition("\n")[0]
    *most, last = names
    return f"{', '.join(most)} and {last} did not hold" if most else f"{last} did not hold"


def sentence(profile: str, clause_id: str) -> str:
    """The contract's sentence, or nothing where this version has no such profile or clause."""
    try:
        return profiles()[profile].clause(clause_id).sentence
    except LookupError:
        return ""


def alike(results: Iterable[Result]) -> list[list[Result]]:
    """Group the results that went wrong in the same way on the same daemon, in order.

    The same way is: the same verdict, reason and failed checks with the same
    expected and actual. Places are left out, and so are times and addresses,
    which no two exchanges share.
    """
    groups: dict[tuple[object, ...], list[Result]] = {}
    for each in results:
        checks = tuple(
            (failed.check, failed.clause, _lasting(failed.expected), _lasting(failed.actual))
            for failed in each.failures
        )
        cause = (each.daemon, each.verdict, _lasting(each.reason), checks)
        groups.setdefault(cause, []).append(each)
    return list(groups.values())


def _lasting(text: str) -> str:
    return re.sub(r"\d+(?:\.\d+)+(?::\d+)?", "#", text)
