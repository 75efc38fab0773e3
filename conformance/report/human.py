"""The report for people: progress, then the failures, then a summary.

The most important part stands last, next to the prompt and at the end of a log: a page
for each failure, then skips, known failures and warnings, the matrix, the red results by
name, and one line of summary. Text from daemons is shown as plain text: escapes are
escaped, and rich does not interpret its markup.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from conformance.core.result import Result, Run, Verdict
from conformance.report import exit_status
from conformance.report._cause import alike, headline
from conformance.report._command import PROGRAM, repeat
from conformance.report._counts import counts
from conformance.report._matrix import matrix
from conformance.report._notes import notes
from conformance.report._page import heading, page
from conformance.report._printable import one_line, printable
from conformance.report._progress import Progress

_NAMED = 10
"""Number of causes that the end names again, after their pages."""


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Human:
    """A report for people; live on a terminal, 100 columns wide elsewhere."""
    del strict  # the Run says so at its end, where this report needs it
    terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    if color is None:
        color = not os.environ.get("NO_COLOR") and (terminal or bool(os.environ.get("FORCE_COLOR")))
    return Human(
        Console(
            file=stream,
            force_terminal=terminal or color,
            force_interactive=terminal,
            color_system=("auto" if terminal else "standard") if color else None,
            width=None if terminal or os.environ.get("COLUMNS") else 100,
            markup=False,
            emoji=False,
            highlight=False,
        ),
        program,
    )


class Human:
    """A Report for people, on a console."""

    def __init__(self, console: Console, program: str) -> None:
        self._console, self._program = console, program

    def begin(self, total: int, daemons: Sequence[str], planned: Sequence[str] = ()) -> None:
        """Write the number of scenarios and the daemons."""
        names = ", ".join(map(one_line, daemons))
        self._print(Text(f"{total} scenarios on {names or 'no daemon'}", style="bold"))
        self._progress = Progress(self._console, daemons, planned)

    def result(self, result: Result) -> None:
        """Show it in the progress."""
        self._progress.result(result)

    def notice(self, text: str) -> None:
        """A line of its own, above the bars."""
        self._print(Text(printable(text), style="dim"))

    def end(self, run: Run) -> None:
        """Write failures, notes, matrix and summary."""
        self._progress.stop()
        for line in self._failures(run.red):
            self._print(line)
        for line in self._notes(run):
            self._print(line)
        for table in matrix(run.results, width=self._console.width, strict=run.strict):
            self._print(Text())
            self._print(table)
        self._print(Text())
        for line in self._named(run.red):
            self._print(line)
        self._print(self._summary(run))

    def _failures(self, red: Sequence[Result]) -> Iterator[Text]:
        """A page for each cause, and a line for each further result with the same cause."""
        number = 0
        for first, *others in alike(red):
            yield Text()
            numbers = f"{number + 1} to {number + 1 + len(others)}" if others else f"{number + 1}"
            place = f"{numbers} of {len(red)}"
            yield from page(first, place=place, console=self._console, program=self._program)
            number += 1 + len(others)
            if others:
                yield Text()
                yield Text(
                    f"  {len(others)} more of {one_line(first.daemon)} failed in the same way:"
                )
            for other in others:
                yield Text(
                    f"    {one_line(repeat(other, self._program) or other.id)}", style="cyan"
                )

    def _named(self, red: Sequence[Result]) -> Iterator[Text]:
        """A line or two for each cause, so that the end of a log names what is red and why."""
        causes = alike(red)
        for first, *others in causes[:_NAMED]:
            more = f" (and {len(others)} more alike)" if others else ""
            lines = [
                Text.assemble(
                    (first.verdict.value.upper(), "red"),
                    f"  {one_line(first.id)}{more}: {one_line(headline(first))}",
                ),
                *(Text(f"      {one_line(each.actual)}") for each in first.failures[:1]),
            ]
            for line in lines:
                line.truncate(self._console.width, overflow="ellipsis")
            yield from lines
        if len(causes) > _NAMED:
            yield Text(f"and {len(causes) - _NAMED} more")

    def _notes(self, run: Run) -> Iterator[Text]:
        for title, lines in notes(run, self._program):
            yield Text()
            yield heading(Text(title), self._console)
            yield from lines

    def _summary(self, run: Run) -> Text:
        green = exit_status(run) == 0
        number = Counter(each.verdict for each in run.results)
        line = Text.assemble(
            ("green" if green else "red", "bold green" if green else "bold red"),
            ": ",
            counts(number) if run.results else "no scenario was judged",
            f" in {run.duration:.1f} s",
        )
        if len(run.results) < run.planned:
            missing = run.planned - len(run.results)
            line.append(f"; cut short: {missing} scenarios were not judged", style="yellow")
        elif number.keys() == {Verdict.SKIP}:
            line.append("; every scenario was skipped, so the run shows nothing", style="yellow")
        return line

    def _print(self, what: RenderableType) -> None:
        # A command must stay copyable, so a long line is not wrapped.
        self._console.print(what, soft_wrap=isinstance(what, Text))
