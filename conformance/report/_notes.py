"""Notes on results that are not red: skips, known failures, second tries, warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.text import Text

from conformance.core.result import Result, Run, Verdict
from conformance.report._command import repeat
from conformance.report._printable import one_line


def notes(run: Run, program: str) -> Iterator[tuple[str, list[Text]]]:
    """Title and lines of each kind of note that the run has."""
    skips = Counter(
        (each.daemon, each.reason) for each in run.results if each.verdict is Verdict.SKIP
    )
    known = [each for each in run.results if each.verdict is Verdict.KNOWN]
    again = [each for each in run.results if each.verdict is Verdict.PASS and each.reason]
    warned = [each for each in run.results if each.verdict is Verdict.WARN and not run.strict]
    if skips:
        yield "skipped", list(_skips(skips))
    if known:
        yield "known failures", list(_reasons(known))
    if again:
        yield "tried twice", list(_reasons(again))
    if warned:
        yield "warnings", list(_warnings(warned, program))


def _skips(skips: Counter[tuple[str, str]]) -> Iterator[Text]:
    """One line for each daemon and reason, with the number of scenarios."""
    width = max(len(daemon) for daemon, _ in skips)
    for (daemon, reason), number in skips.items():
        yield _line(daemon, width, f"{reason or 'no reason given'} ({_scenarios(number)})")


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


def _scenarios(number: int) -> str:
    return "1 scenario" if number == 1 else f"{number} scenarios"
