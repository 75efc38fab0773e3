"""A Result as a TAP test point, for both dialects of TAP.

A warning is `ok` with diagnostics, or `not ok` where warnings are red. A known failure
is `not ok … # TODO`, which consumers do not count as a failure. A known failure that
passed is a plain `not ok`, because consumers ignore a TODO that passes.

Three readers must agree on the YAML: npm's tap-parser (YAML 1.2), tap.py (PyYAML) and
Debian's prove, whose YAMLish is a small part of YAML. So every value is a double-quoted
string on one line, and every list is a list of mappings. Only the evidence is a block. Its
blank lines are indented, and none of its lines looks like the block's end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conformance.core.result import FailedCheck, Result, Verdict
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
        name=one_line(name),
        directive=f"{_DIRECTIVES[verdict]} {one_line(result.reason)}".strip()
        if verdict in _DIRECTIVES
        else "",
        diagnostics=()
        if verdict in (Verdict.PASS, Verdict.SKIP)
        else ("---", *_yaml(result, program), "..."),
    )


_DIRECTIVES = {Verdict.SKIP: "SKIP", Verdict.KNOWN: "TODO"}


def _yaml(result: Result, program: str) -> Iterator[str]:
    """The first failed check at the top level, which viewers show; the others under `also`."""
    yield f"message: {quoted(headline(result))}"
    yield f"severity: {quoted(result.verdict.value)}"
    yield f"description: {quoted(result.description)}"
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
        yield "evidence: |"
        yield from (f"  {line}" for line in _block(result.evidence))
    if result.repeat:
        yield f"repeat: {quoted(repeat(result, program))}"


def _check(failed: FailedCheck, profile: str) -> Iterator[str]:
    yield f"check: {quoted(failed.check)}"
    yield f"clause: {quoted(failed.clause)}"
    yield f"level: {quoted(failed.level)}"
    yield f"rule: {quoted(sentence(profile, failed.clause))}"
    yield f"expected: {quoted(failed.expected)}"
    yield f"actual: {quoted(failed.actual)}"
    yield f"where: {quoted(failed.where)}"


def _block(text: str) -> Iterator[str]:
    for number, line in enumerate(printable(text.expandtabs(4)).strip("\n").split("\n")):
        # An indented first line would need YAML's indentation indicator, which prove does not
        # support. For tap.py a line that starts with `...` ends the block.
        shown = line.rstrip() if number else line.strip()
        yield shown.replace("...", "…", 1) if shown.lstrip().startswith("...") else shown
