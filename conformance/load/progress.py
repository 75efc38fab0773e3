"""Progress of a load test: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def progress(clients: int) -> Iterator[Callable[[int], None]]:
    """A bar on stderr, removed at the end; call it with the number of clients that ended."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("clients"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_interactive,
    ) as bars:
        task = bars.add_task("clients", total=clients)
        yield lambda count: bars.advance(task, count)
