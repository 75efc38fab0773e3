"""A Result as a TAP test point, for both dialects of TAP.

A warning is `ok` with diagnostics (in flat TAP: with comments), or `not ok` where
warnings are red. A known failure is `not ok … # TODO`, which consumers do not count as a
failure. A known failure that
passed is a plain `not ok`, because consumers ignore a TODO that passes.

Readers must agree on the YAML: npm's tap-parser (YAML 1.2), tap.py (PyYAML), Debian's
prove, whose YAMLish is a small part of YAML, and tap-spec, which splits every line at its
colon. So every value is a double-quoted string on one line, and every list is a list of
mappings, also the evidence. No line of a daemon begins a line of the document, so none is
taken for a command of a CI's runner (`::error …`). Characters that XML or a terminal does
not show, and those beyond the Basic Multilingual Plane, on which tap-xunit fails, are
written as escapes: the JSON report is exact to the character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.core.result import FailedCheck, Result, Run, Verdict
from conformance.report._cause import headline, sentence
from conformance.report._command import repeat
from conformance.report._printable import one_line, printable, quoted


@dataclass(frozen=True, slots=True)
class Point:
    """What both dialects write about a result, except its number."""

    ok: bool
    name: str
    directive: str
    """`SKIP reason`, `TODO reason` or nothing."""
    diagnostics: tuple[str, ...]
    """The YAML block's lines from `---` to `...`, or none."""


def point(result: Result, *, name: str, strict: bool, program: str) -> Point:
    """The result under this name; with `strict` a warning is not ok."""
    verdict = result.verdict
    return Point(
        ok=not (verdict.red or verdict is Verdict.KNOWN or (strict and verdict is Verdict.WARN)),
        name=plain(one_line(name)),
        directive=f"{_DIRECTIVES[verdict]} {plain(one_line(result.reason))}".strip()
        if verdict in _DIRECTIVES
        else "",
        diagnostics=()
        if verdict in (Verdict.PASS, Verdict.SKIP)
        else ("---", *_yaml(result, program), "..."),
    )


def bail_out(run: Run) -> str:
    """The last line of a stream that was cut short."""
    return f"Bail out! {run.planned - len(run.results)} of {run.planned} scenarios were not judged"


_DIRECTIVES = {Verdict.SKIP: "SKIP", Verdict.KNOWN: "TODO"}


def _yaml(result: Result, program: str) -> Iterator[str]:
    """The first failed check at the top level, which viewers show; the others under `also`."""
    yield f"message: {_text(headline(result))}"
    yield f"severity: {_text(result.verdict.value)}"
    yield f"description: {_text(result.description)}"
    yield f"duration_ms: {result.duration * 1000:.1f}"
    for failed in result.failures[:1]:
        yield from _check(failed, result.profile)
    if result.failures[1:]:
        yield "also:"
    for failed in result.failures[1:]:
        start, *following = _check(failed, result.profile)
        yield f"  - {start}"
        yield from (f"    {line}" for line in following)
    if result.evidence.strip():
        yield "evidence:"
        for line in printable(result.evidence.expandtabs(4)).strip("\n").split("\n"):
            yield f"  - line: {_text(line.rstrip())}"
    if result.repeat:
        yield f"repeat: {_text(repeat(result, program))}"


def _check(failed: FailedCheck, profile: str) -> Iterator[str]:
    yield f"check: {_text(failed.check)}"
    yield f"clause: {_text(failed.clause)}"
    yield f"level: {_text(failed.level)}"
    yield f"rule: {_text(sentence(profile, failed.clause))}"
    yield f"expected: {_text(failed.expected)}"
    yield f"actual: {_text(failed.actual)}"
    yield f"where: {_text(failed.where)}"


def plain(text: str) -> str:
    """The text in characters that every reader takes; the others as escapes."""
    return _ASTRAL.sub(lambda found: f"\\U{ord(found[0]):08x}", printable(text))


def _text(text: str) -> str:
    return quoted(plain(text))


_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
