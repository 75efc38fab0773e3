"""`conformance steady`: is the verdict always the same?"""

from __future__ import annotations

import sys

import click

from conformance.cli.status import ALL_GREEN, SOMETHING_RED
from conformance.core.result import Verdict
from conformance.running.steadiness import repeat, unsteady


@click.command("steady", context_settings={"ignore_unknown_options": True})
@click.option("--runs", type=click.IntRange(2), default=50, show_default=True)
@click.option("--busy", is_flag=True, help="Keep one core busy meanwhile.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[RUN_ARGUMENT]...")
def command(runs: int, busy: bool, arguments: tuple[str, ...]) -> None:
    """Repeat a run and fail where a verdict differs; takes what `run` takes."""
    try:
        seen = repeat(arguments, runs=runs, busy=busy, tell=click.echo)
    except RuntimeError as error:
        raise click.UsageError(str(error)) from None
    differing = list(unsteady(seen, runs=runs))
    totals = {verdict: sum(each[verdict] for each in seen.values()) for verdict in Verdict}
    counts = ", ".join(f"{total} {verdict.value}" for verdict, total in totals.items() if total)
    click.echo("\n".join([*differing, f"{runs} runs of {len(seen)} cases: {counts}"]))
    sys.exit(SOMETHING_RED if differing else ALL_GREEN)
