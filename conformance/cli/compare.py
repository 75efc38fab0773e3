"""`conformance compare`: what differs between two runs that were written as JSON."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from conformance.cli.status import ALL_GREEN, SOMETHING_RED
from conformance.report._compare import as_text
from conformance.report._compare import compare as compared
from conformance.report._saved import saved
from conformance.report.json import DocumentError


@click.command("compare")
@click.argument("old", type=click.Path(dir_okay=False, path_type=Path), metavar="OLD.json")
@click.argument("new", type=click.Path(dir_okay=False, path_type=Path), metavar="NEW.json")
def command(old: Path, new: Path) -> None:
    """List what got worse, better, appeared and went from OLD.json to NEW.json.

    The exit status is 1 where something got worse, or a case that is new is red.
    """
    try:
        comparison = compared(saved(old), saved(new))
    except DocumentError as error:
        raise click.UsageError(str(error)) from None
    for line in as_text(comparison):
        click.echo(line)
    sys.exit(SOMETHING_RED if comparison.regressed else ALL_GREEN)
