"""Progress of a run: a bar for each daemon on a terminal, and a line for each variant.

The line is written when the variant's last result has arrived. A CI log gets the lines
without the bars.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from conformance.core.result import Result, Verdict
from conformance.report._counts import counts
from conformance.report._printable import one_line


class Progress:
    """Follows the results of one run; `planned` are the ids of all of them."""

    def __init__(self, console: Console, daemons: Sequence[str], planned: Sequence[str]) -> None:
        self._console = console
        self._expected = Counter("/".join(each.split("/")[:2]) for each in planned)
        self._width = max(map(len, self._expected), default=20)
        self._daemons: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
        self._variants: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
        self._bars = Bars(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=30, complete_style="blue", finished_style="blue"),
            MofNCompleteColumn(),
            _Counts(),
            console=console,
            transient=True,
            redirect_stdout=False,  # pytest redirects these itself
            redirect_stderr=False,
            refresh_per_second=5,  # low, because scenarios that measure time run meanwhile
            disable=not console.is_interactive,
        )
        totals = Counter(each.split("/")[0] for each in planned)
        self._tasks = {
            name: self._bars.add_task(one_line(name), total=totals[name] or None, counts=Text())
            for name in daemons
        }
        self._bars.start()

    def result(self, result: Result) -> None:
        """Move the daemon's bar; write the variant's line when the variant is complete."""
        variant = f"{result.daemon}/{result.variant}"
        self._daemons[result.daemon][result.verdict] += 1
        self._variants[variant][result.verdict] += 1
        if result.daemon in self._tasks:
            seen = counts(self._daemons[result.daemon])
            self._bars.update(self._tasks[result.daemon], advance=1, counts=seen)
        if self._variants[variant].total() == self._expected[variant]:
            self._tell(variant)

    def stop(self) -> None:
        """Remove the bars; write the lines of variants that are incomplete."""
        self._bars.stop()
        for variant, seen in self._variants.items():
            if seen.total() != self._expected[variant]:
                self._tell(variant)

    def _tell(self, variant: str) -> None:
        seen = self._variants[variant]
        if any(verdict.red for verdict in seen):
            mark = Text("✗", "bold red")
        else:
            mark = Text("✓", "green") if seen.keys() - {Verdict.SKIP} else Text("-", "dim")
        name = f"{one_line(variant):{self._width}}"
        self._console.print(Text.assemble("  ", mark, f" {name}  ", counts(seen)))


class _Counts(ProgressColumn):
    """The verdicts so far, in their colours."""

    def render(self, task: Task) -> Text:
        seen: Text = task.fields["counts"]
        return seen
