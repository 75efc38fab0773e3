"""`conformance report`: render a run that was written as JSON in any format, later."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from conformance import report as reports
from conformance.cli.status import ALL_GREEN, program
from conformance.report._saved import saved
from conformance.report._several import Several, Target
from conformance.report.json import DocumentError


@click.command("report")
@click.argument("run", type=click.Path(dir_okay=False, path_type=Path), metavar="RUN.json")
@click.option(
    "--report",
    "targets",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help=f"Write this report, to FILE or to the console; may be repeated. The formats are "
    f"{', '.join(reports.formats())}; without one it is human.",
)
def command(run: Path, targets: tuple[str, ...]) -> None:
    """Render the run in RUN.json (or RUN.json.gz), which `run --report json=FILE` wrote.

    The exit status is 0, whatever the run shows.
    """
    try:
        loaded = saved(run)
        asked = [Target.parsed(text) for text in targets or ("human",)]
        several = Several(asked, strict=loaded.strict, program=program())
    except (DocumentError, LookupError, OSError) as error:
        raise click.UsageError(str(error)) from None
    reports.replay(several, loaded)
    sys.exit(ALL_GREEN)
