"""Progress of a run: bars on a terminal, and lines that a CI log can do with.

A red scenario is named at once, a few of each cause. A line is written when a daemon has
all its verdicts. While there is nothing else to write, a line every few seconds says how
far the run is and what takes long. Daemons of which nothing is judged get no line.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from conformance.core.news import News
from conformance.core.result import Result, Verdict
from conformance.report._counts import counts
from conformance.report._printable import one_line

BEAT = 9.0
"""Seconds without a line after which one is written: a CI log never stands still for 10 s."""

NAMED = 3
"""Red scenarios of a cause that are named at once."""

MOST = 20
"""Red scenarios that are named at once. Later ones are in the line about the state."""


class Progress:
    """Follows the results of one run; `planned` are the ids of all of them."""

    def __init__(
        self,
        console: Console,
        daemons: Sequence[str],
        planned: Sequence[str],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._now = console, now
        self._lock = threading.RLock()
        self._began = self._written = now()
        self._expected = Counter(each.split("/")[0] for each in planned)
        self._width = max(map(len, daemons), default=20)
        self._daemons: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
        self._causes: Counter[tuple[str, str]] = Counter()
        self._named = 0
        self._latest = ""
        self._running: dict[str, float] = {}
        self._ended: set[str] = set()
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
        self._tasks = {
            name: self._bars.add_task(
                one_line(name), total=self._expected[name] or None, counts=Text()
            )
            for name in daemons
        }
        self._bars.start()

    def news(self, news: Sequence[News]) -> None:
        """Take what has happened, and write a line where one is due; from any thread."""
        with self._lock:
            for each in news:
                if each.verdict is None:
                    self._running[each.case] = each.at
                else:
                    self._judged(each)
            if not self._console.is_interactive and self._now() - self._written >= BEAT:
                self._write(Text(f"  {self._state()}", style="dim"))

    def result(self, result: Result) -> None:
        """Take a Result, whose news may have come before it."""
        with self._lock:
            self._judged(News.of(result, self._now()))

    def stop(self) -> None:
        """Remove the bars; write the lines of daemons that are incomplete."""
        with self._lock:
            self._bars.stop()
            for daemon, seen in self._daemons.items():
                if seen.total() != self._expected[daemon]:
                    self._tell(daemon)

    def _judged(self, news: News) -> None:
        assert news.verdict is not None
        self._running.pop(news.case, None)
        if news.case in self._ended:
            return
        self._ended.add(news.case)
        daemon = news.case.split("/")[0]
        seen = self._daemons[daemon]
        seen[news.verdict] += 1
        if daemon in self._tasks:
            self._bars.update(self._tasks[daemon], advance=1, counts=counts(seen))
        if news.verdict.red:
            self._name(daemon, news)
        if seen.total() == self._expected[daemon]:
            self._tell(daemon)

    def _name(self, daemon: str, news: News) -> None:
        cause = daemon, news.cause or news.seen
        self._causes[cause] += 1
        self._latest = news.case
        if self._causes[cause] > NAMED or self._named == MOST:
            return
        self._named += 1
        why = ": ".join(filter(None, (news.cause, one_line(news.seen))))
        line = Text.assemble(("  ✗ ", "bold red"), f"{one_line(news.case)}  {one_line(why)}")
        line.truncate(self._console.width, overflow="ellipsis")
        self._write(line)

    def _state(self) -> str:
        """How far the run is, in words."""
        total = sum(self._expected.values())
        red = sum(
            number for seen in self._daemons.values() for each, number in seen.items() if each.red
        )
        parts = [f"{len(self._ended)} of {total} judged"]
        if red:
            parts.append(f"{red} red, last {one_line(self._latest)}")
        if self._running:
            slowest = min(self._running, key=self._running.__getitem__)
            seconds = self._now() - self._running[slowest]
            running = len(self._running)
            parts.append(f"{running} running, longest {one_line(slowest)} for {seconds:.0f} s")
        return f"{self._now() - self._began:.0f} s: {'; '.join(parts)}"

    def _tell(self, daemon: str) -> None:
        seen = self._daemons[daemon]
        if not seen.keys() - {Verdict.SKIP}:
            return
        red = any(verdict.red for verdict in seen)
        mark = Text("✗", "bold red") if red else Text("✓", "green")
        self._write(Text.assemble("  ", mark, f" {one_line(daemon):{self._width}}  ", counts(seen)))

    def _write(self, line: Text) -> None:
        self._written = self._now()
        self._console.print(line, soft_wrap=True)


class _Counts(ProgressColumn):
    """The verdicts so far, in their colours."""

    def render(self, task: Task) -> Text:
        seen: Text = task.fields["counts"]
        return seen
