"""The report for people: progress, then the failures, then a summary.

The most important part stands last, next to the prompt and at the end of a log: a page
for each of the first causes, then skips, known failures and warnings, the matrices, the
three causes that explain most, and one line of summary. Text from daemons is shown as
plain text: escapes are escaped, and rich does not interpret its markup.
"""

from __future__ import annotations

import itertools
import os
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from conformance.core.news import News
from conformance.core.quoting import plural
from conformance.core.result import Result, Run, Verdict
from conformance.report import exit_status
from conformance.report._cause import Cause, causes
from conformance.report._command import PROGRAM, repeat
from conformance.report._counts import counts
from conformance.report._matrix import matrices
from conformance.report._notes import notes
from conformance.report._page import heading, page, wrapped
from conformance.report._printable import one_line, printable
from conformance.report._progress import Progress

PAGES = 10
"""Causes that have a page. Who has corrected these runs again."""

FIRST = 3
"""Causes that the end of the report shows, next to the prompt."""

ALSO = 3
"""Lines for the names of results that have the same cause."""


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

    def news(self, news: Sequence[News]) -> None:
        """Show it in the progress."""
        self._progress.news(news)

    def end(self, run: Run) -> None:
        """Write failures, notes, matrices and summary."""
        self._progress.stop()
        found = causes(run.red)
        for line in self._failures(found, run):
            self._print(line)
        for line in self._notes(run):
            self._print(line)
        self._print(Text())
        for profile, tables in matrices(run.results, width=self._console.width, strict=run.strict):
            self._print(heading(Text(one_line(profile)), self._console))
            for table in tables:
                self._print(table)
        for line in self._first(found, run):
            self._print(line)
        self._print(Text())
        self._print(self._summary(run))

    def _failures(self, found: Sequence[Cause], run: Run) -> Iterator[Text]:
        """A page for each of the first causes, and a line for each further one."""
        for number, cause in enumerate(found[:PAGES], start=1):
            yield Text()
            place = f"cause {number} of {len(found)}: {len(cause.results)} of {len(run.red)} red"
            if len(found) == len(run.red):
                place = f"{number} of {len(found)}"
            yield from page(cause.shown, place=place, console=self._console, program=self._program)
            others = [each for each in cause.results if each is not cause.shown]
            if others:
                yield Text()
                yield from self._alike(others)
        if found[PAGES:]:
            yield Text()
            more = f"{plural(len(found) - PAGES, 'further cause')}; --report json=FILE has all"
            yield heading(Text(more), self._console)
        for cause in found[PAGES:]:
            yield self._cut(f"  {_explains(cause)}")

    def _alike(self, others: Sequence[Result]) -> Iterator[Text]:
        """The names of the results with the same cause, in a few lines."""
        variants = {each.variant for each in others}
        names = [each.scenario if len(variants) == 1 else each.id for each in others]
        text = Text(f"also {len(others)}: {one_line(', '.join(names))}")
        yield from wrapped(text, self._console, indent=2, most=ALSO)

    def _first(self, found: Sequence[Cause], run: Run) -> Iterator[Text]:
        """The causes that explain most, and where to begin: what stands next to the prompt."""
        if not found:
            return
        yield Text()
        yield heading(Text("fix these first"), self._console)
        for cause in found[:FIRST]:
            yield self._cut(f"  {_explains(cause)}", "bold")
            if cause.failed is not None:
                yield self._cut(f"    expected  {cause.failed.expected}")
                yield self._cut(f"    actual    {cause.failed.actual}")
            if cause.shown.repeat:
                # A command must stay copyable.
                yield Text(f"    repeat    {one_line(repeat(cause.shown, self._program))}", "cyan")
        if found[FIRST:]:
            yield Text(f"  and {plural(len(found) - FIRST, 'more cause')}, above")
        ladder = {category: at for at, category in enumerate(_categories(run.results))}
        lowest = min(run.red, key=lambda result: ladder[result.category])
        if len({each.category for each in run.red}) > 1:
            yield Text.assemble(
                "  The lowest category that is red is ",
                (one_line(lowest.category), "bold"),
                ". Begin with it: the categories stand in the order in which\n"
                "  they build on each other, so a fault there often causes failures in later ones.",
            )
            if lowest.repeat:
                words = [*itertools.takewhile(lambda word: word != "--scenario", lowest.repeat)]
                command = f"{self._program} run {shlex.join(words)} --category {lowest.category}"
                yield Text(f"    {one_line(command)}", "cyan")

    def _cut(self, text: str, style: str = "") -> Text:
        line = Text(printable(text.replace("\n", " ")), style=style)
        line.truncate(self._console.width, overflow="ellipsis")
        return line

    def _notes(self, run: Run) -> Iterator[Text]:
        for title, lines in notes(run, self._program):
            yield Text()
            if title:
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


def _categories(results: Iterable[Result]) -> dict[str, None]:
    """In the order of the catalogs."""
    return dict.fromkeys(result.category for result in results)


def _explains(cause: Cause) -> str:
    """The cause with what it explains, on one line."""
    number = len(cause.results)
    more = f" and {plural(number - 1, 'more scenario')}" if number > 1 else ""
    return f"{one_line(cause.name)}: {one_line(cause.shown.id)}{more}"
