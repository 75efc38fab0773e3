"""The matrix: a row for each daemon and variant, a column for each category.

A cell shows how many of the judged scenarios passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from conformance.core.result import Result, Verdict
from conformance.report._printable import one_line


def matrix(results: Sequence[Result], *, width: int, strict: bool) -> Iterator[Table]:
    """One table, or several where the categories need more width."""
    rows: dict[tuple[str, str], dict[str, list[Result]]] = {}
    for result in results:
        columns = rows.setdefault((result.daemon, result.variant), {})
        columns.setdefault(result.category, []).append(result)
    label = sum(max((len(key[part]) for key in rows), default=0) + 3 for part in (0, 1))
    for categories in _fitting(dict.fromkeys(each.category for each in results), width - label):
        table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
        table.add_column("daemon", no_wrap=True)
        table.add_column("variant", no_wrap=True)
        for category in categories:
            table.add_column(one_line(category), justify="right", no_wrap=True)
        previous = None
        for (daemon, variant), columns in rows.items():
            cells = [_cell(columns.get(each, []), strict=strict) for each in categories]
            shown = "" if daemon == previous else one_line(daemon)
            table.add_row(Text(shown, style="bold"), Text(one_line(variant)), *cells)
            previous = daemon
        yield table


def _fitting(categories: Iterable[str], width: int) -> Iterator[list[str]]:
    """The categories in groups that fit into the width; a group has at least one."""
    run: list[str] = []
    used = 0
    for category in categories:
        needed = max(len(category), len("✗ 99/99")) + 3
        if run and used + needed > width:
            yield run
            run, used = [], 0
        run.append(category)
        used += needed
    if run:
        yield run


def _cell(results: Sequence[Result], *, strict: bool) -> Text:
    judged = [each for each in results if each.verdict is not Verdict.SKIP]
    if not judged:
        return Text("skip" if results else "·", style="dim")
    red = {Verdict.WARN} if strict else set()
    passed = sum(
        each.verdict in (Verdict.PASS, Verdict.WARN) and each.verdict not in red for each in judged
    )
    if any(each.verdict.red or each.verdict in red for each in judged):
        return Text(f"✗ {passed}/{len(judged)}", style="bold red")
    if any(each.verdict is not Verdict.PASS for each in judged):
        return Text(f"{passed}/{len(judged)}", style="yellow")
    return Text(f"{passed}/{len(judged)}", style="green")
