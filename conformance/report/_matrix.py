"""The matrix: what was judged, by category; one for each profile.

A row is a daemon, or a variant of it. The variants of a daemon that are not red share a
row. Daemons and variants of which nothing was judged have none. A cell shows how many of
the judged scenarios passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from conformance.core.result import Result, Verdict
from conformance.report._printable import one_line

Row = tuple[str, list[Result]]

GAP = 2
"""Columns of white space between two columns of the table."""


def matrices(
    results: Sequence[Result], *, width: int, strict: bool
) -> Iterator[tuple[str, list[Table]]]:
    """Each profile, with one table or several where its categories need more width."""
    for profile in dict.fromkeys(each.profile for each in results):
        own = [each for each in results if each.profile == profile]
        rows = list(_rows(own, strict=strict))
        if rows:
            judged = [each for _, row in rows for each in row]
            yield profile, list(_tables(rows, judged, width=width, strict=strict))


def red(result: Result, *, strict: bool) -> bool:
    """Whether the result fails the run."""
    return result.verdict.red or (strict and result.verdict is Verdict.WARN)


def _rows(results: Sequence[Result], *, strict: bool) -> Iterator[Row]:
    """A name and its results: each variant that is red, and then the others of the daemon."""
    daemons: dict[str, dict[str, list[Result]]] = {}
    for result in results:
        daemons.setdefault(result.daemon, {}).setdefault(result.variant, []).append(result)
    for daemon, variants in daemons.items():
        others: dict[str, list[Result]] = {}
        for variant, own in variants.items():
            if all(each.verdict is Verdict.SKIP for each in own):
                continue
            if any(red(each, strict=strict) for each in own):
                yield f"{daemon}/{variant}", own
            else:
                others[variant] = own
        if len(others) == 1:
            variant, own = next(iter(others.items()))
            yield f"{daemon}/{variant}", own
        elif others:
            merged = [each for own in others.values() for each in own]
            yield f"{daemon} ×{len(others)}", merged


def _tables(
    rows: Sequence[Row], judged: Sequence[Result], *, width: int, strict: bool
) -> Iterator[Table]:
    label = max(len(name) for name, _ in rows) + GAP
    columns = {
        category: [
            _cell([each for each in own if each.category == category], strict=strict)
            for _, own in rows
        ]
        for category in dict.fromkeys(each.category for each in judged)
    }
    for categories in _fitting(columns, width - label):
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        table.add_column("", no_wrap=True)
        for category in categories:
            table.add_column(one_line(category), justify="right", no_wrap=True)
        for at, (name, _) in enumerate(rows):
            table.add_row(
                Text(one_line(name), style="bold"), *(columns[each][at] for each in categories)
            )
        yield table


def _fitting(columns: dict[str, list[Text]], width: int) -> Iterator[list[str]]:
    """The categories in groups that fit into the width; a group has at least one."""
    run: list[str] = []
    used = 0
    for category, cells in columns.items():
        needed = max(len(category), *(cell.cell_len for cell in cells)) + GAP
        if run and used + needed > width + GAP:
            yield run
            run, used = [], 0
        run.append(category)
        used += needed
    if run:
        yield run


def _cell(results: Iterable[Result], *, strict: bool) -> Text:
    own = list(results)
    judged = [each for each in own if each.verdict is not Verdict.SKIP]
    if not judged:
        return Text("skip" if own else "·", style="dim")
    passed = sum(
        each.verdict in (Verdict.PASS, Verdict.WARN) and not red(each, strict=strict)
        for each in judged
    )
    if any(red(each, strict=strict) for each in judged):
        return Text(f"✗ {passed}/{len(judged)}", style="bold red")
    if any(each.verdict is not Verdict.PASS for each in judged):
        return Text(f"{passed}/{len(judged)}", style="yellow")
    return Text(f"{passed}/{len(judged)}", style="green")
