"""Notes on results that are not red: skips, known failures, second tries, warnings.

A daemon that cannot run on this machine is one entry, with what brings what it lacks.
Other skips are merged over the daemons.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.text import Text

from conformance.core.result import Result, Run, Verdict
from conformance.report._command import repeat
from conformance.report._printable import one_line

INSTALLERS = {
    "apt-get install ": r"[a-z0-9.+-]+",
    "pip install ": r"'?[\w.\-\[\]]+'?",
}
"""Commands that take several packages, and what a package's name looks like."""

REASONS = 4
"""Reasons of skips that are shown: those with the most scenarios."""


def notes(run: Run, program: str) -> Iterator[tuple[str, list[Text]]]:
    """Title and lines of each kind of note that the run has; a short one has no title."""
    skips = [each for each in run.results if each.verdict is Verdict.SKIP]
    unmet = [each for each in skips if each.install]
    others = Counter(each.reason for each in skips if not each.install)
    known = [each for each in run.results if each.verdict is Verdict.KNOWN]
    again = [each for each in run.results if each.verdict is Verdict.PASS and each.reason]
    warned = [each for each in run.results if each.verdict is Verdict.WARN and not run.strict]
    if known:
        yield "known failures", list(_reasons(known))
    if again:
        yield "tried twice", list(_reasons(again))
    if warned:
        yield "warnings", list(_warnings(warned, program))
    if others:
        yield "", list(_skips(others))
    if unmet:
        yield "", list(_unmet(unmet))


def _unmet(skips: Sequence[Result]) -> Iterator[Text]:
    """The daemons, and what brings all that they lack; one command for each installer."""
    names = ", ".join(dict.fromkeys(one_line(each.daemon) for each in skips))
    yield Text(f"not judged, because this machine lacks their tools: {names}. To judge them:")
    remedies = list(dict.fromkeys(remedy for each in skips for remedy in each.install))
    others = []
    for installer, argument in INSTALLERS.items():
        words: dict[str, None] = {}
        for remedy in remedies:
            command, _, other = remedy.partition(", or ")
            wanted = command.removeprefix(installer).split()
            if command.startswith(installer) and all(re.fullmatch(argument, w) for w in wanted):
                words |= dict.fromkeys(wanted)
                others += [other] if other else []
            elif not command.startswith(tuple(INSTALLERS)):
                others.append(remedy)
        if words:
            yield Text(f"  {one_line(installer + ' '.join(words))}", style="cyan")
    if others:
        yield Text(f"  or: {one_line('; '.join(dict.fromkeys(others)))}")


def _skips(skips: Counter[str]) -> Iterator[Text]:
    """The most frequent reasons, with the number of scenarios."""
    shown = [f"{one_line(reason) or 'no reason'} ({n})" for reason, n in skips.most_common(REASONS)]
    if len(skips) > REASONS:
        rest = sum(number for _, number in skips.most_common()[REASONS:])
        shown.append(f"{len(skips) - REASONS} other reasons ({rest})")
    yield Text(f"skipped {skips.total()}: {', '.join(shown)}")


def _reasons(results: Sequence[Result]) -> Iterator[Text]:
    width = max(len(each.id) for each in results)
    for result in results:
        yield _line(result.id, width, result.reason or "no reason given")


def _warnings(results: Sequence[Result], program: str) -> Iterator[Text]:
    for result in results:
        yield _line(result.id, 0, result.reason)
        for failed in result.failures:
            yield Text.assemble(
                f"    {one_line(failed.check)}  ",
                (f"{one_line(failed.clause)} {one_line(failed.level)}", "cyan"),
            )
            yield Text(f"      expected  {one_line(failed.expected)}")
            yield Text(f"      actual    {one_line(failed.actual)}")
        if result.repeat:
            yield Text.assemble("    repeat  ", (one_line(repeat(result, program)), "cyan"))


def _line(name: str, width: int, text: str) -> Text:
    return Text.assemble(f"  {one_line(name):{width}}", f"  {one_line(text)}" if text else "")
