"""Causes: the reason of a result in words, and results that have the same cause."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from conformance.core.result import FailedCheck, Result, Verdict
from conformance.profiles.registry import profiles

WHOLE = 160
"""Characters of a clause that is quoted as a whole."""


def headline(result: Result) -> str:
    """Why the result is red, in one sentence: the failed checks, where some failed."""
    if result.setup_error is not None:
        return f"not judged: {result.setup_error.message}"
    if result.verdict is Verdict.SURPRISE:
        why = f": {result.reason}" if result.reason else ""
        return f"passed, although the manifest lists it as a known failure{why}"
    names = list(dict.fromkeys(each.check for each in result.failures))
    if not names or result.verdict is Verdict.KNOWN:
        return result.reason or result.description.partition("\n")[0]
    *most, last = names
    return f"failed checks: {', '.join(most)} and {last}" if most else f"failed check: {last}"


def sentence(profile: str, clause_id: str) -> str:
    """The contract's sentence; empty where the profile or the clause is not installed."""
    try:
        return profiles()[profile].clause(clause_id).sentence
    except LookupError:
        return ""


def quoted_rule(result: Result, failed: FailedCheck) -> str:
    """The part of the clause that the failed check is about, or the whole of a short one.

    It is the part that shares the most words with the check and with the scenario's description.
    """
    rule = sentence(result.profile, failed.clause)
    if len(rule) <= WHOLE:
        return rule
    parts = re.split(r"(?<=[;.]) ", rule)
    about = _stems(failed.check, failed.expected, failed.actual, result.description)
    shared = [len(_stems(part) & about) for part in parts]
    best = shared.index(max(shared))
    before, after = "… " if best else "", " …" if best < len(parts) - 1 else ""
    return f"{before}{parts[best].rstrip(';.')}{after}"


@dataclass(frozen=True)
class Cause:
    """Red results of one daemon that one failed check explains, or one reason."""

    name: str
    """The check and its clause: `done_marker (R4)`; the reason, where no check failed."""
    results: tuple[Result, ...]
    """In order; the first of `shown` has the page."""
    failed: FailedCheck | None
    """The check, as the result that is shown failed it."""

    @property
    def shown(self) -> Result:
        """The first result whose first failed check is the cause; else the first result."""
        for result in self.results:
            if result.failures and self.failed and _key(result.failures[0]) == _key(self.failed):
                return result
        return self.results[0]


def causes(red: Iterable[Result]) -> list[Cause]:
    """The fewest causes that explain all of these; what explains most comes first.

    Of the failed checks the one is a cause that the most results have. What it explains is set
    aside, and the rest is looked at in the same way.
    """
    rest = dict.fromkeys(red)
    found: list[Cause] = []
    while rest:
        groups: dict[tuple[str, ...], list[Result]] = {}
        for result in rest:
            for key in dict.fromkeys(_keys(result)):
                groups.setdefault(key, []).append(result)
        key, results = max(groups.items(), key=lambda group: len(group[1]))
        found.append(_cause(key, results))
        for result in results:
            del rest[result]
    return found


def _keys(result: Result) -> list[tuple[str, ...]]:
    """By what the result can be explained."""
    if result.failures and result.verdict is not Verdict.SURPRISE:
        return [(result.daemon, *_key(failed)) for failed in result.failures]
    return [(result.daemon, re.sub(r"\d+(?:\.\d+)+(?::\d+)?", "#", headline(result)))]


def _key(failed: FailedCheck) -> tuple[str, str]:
    return failed.check, failed.clause


def _cause(key: tuple[str, ...], results: list[Result]) -> Cause:
    _, *check = key
    if len(check) < 2:
        return Cause(headline(results[0]), tuple(results), None)
    own = [each for result in results for each in result.failures if _key(each) == tuple(check)]
    first = [each.failures[0] for each in results if _key(each.failures[0]) == tuple(check)]
    return Cause(f"{check[0]} ({check[1]})", tuple(results), (first or own)[0])


def _stems(*texts: str) -> set[str]:
    words = re.findall(r"[A-Za-z]{4,}", " ".join(texts))
    return {word[:5].lower() for word in words}
