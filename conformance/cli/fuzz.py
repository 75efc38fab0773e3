"""`conformance fuzz`: random valid streams through several daemons at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from conformance.cli.status import ALL_GREEN, SOMETHING_RED, mistakes, program
from conformance.daemon.failures import DaemonError
from conformance.daemon.manifest import Manifest
from conformance.profiles.registry import profiles
from conformance.running import replay
from conformance.running.lookup import SelectionError
from conformance.running.selection import Selection, manifests


@click.command("fuzz")
@click.argument("daemons", nargs=-1, metavar="[DAEMON]...")
@click.option("--variant", multiple=True, help="Only this variant; may be repeated.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the first round.")
@click.option("--time", "seconds", type=float, default=10.0, show_default=True, help="Seconds.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=".",
    show_default=True,
    help="The folder for a stream on which a daemon fails.",
)
def command(
    daemons: tuple[str, ...], variant: tuple[str, ...], seed: int, seconds: float, output: Path
) -> None:
    """Send random valid streams through daemons, and compare what each makes of them."""
    try:
        from conformance.fuzz import run  # noqa: PLC0415, hypothesis is an extra
    except ModuleNotFoundError as error:
        fix = "install it: pip install 'stream-conformance[fuzz]'"
        raise click.UsageError(f"{error}; {fix}") from None
    with mistakes():
        chosen = _relaying(daemons)
    try:
        outcome = run.fuzz(
            chosen, variants=variant, first_seed=seed, seconds=seconds, tell=click.echo
        )
    except DaemonError as error:
        click.echo(str(error), err=True)
        sys.exit(SOMETHING_RED)
    disagreement = outcome.disagreement
    if disagreement is None:
        click.echo(f"{outcome.streams} streams, no disagreement")
        sys.exit(ALL_GREEN)
    for name, failures in disagreement.failures.items():
        for failed in failures:
            click.echo(f"{name}: {failed.check} ({failed.clause}): expected {failed.expected}")
            click.echo(f"  actual: {failed.actual} ({failed.where})")
    path = replay.write(output, texts=disagreement.stream.texts, script=disagreement.stream.script)
    daemon = next(iter(disagreement.failures)).partition("/")[0]
    manifest = next(each.path for each in chosen if each.name == daemon)
    command = f"run --replay {os.path.relpath(path)} {os.path.relpath(manifest)}"
    click.echo(f"repeat: {program()} {command}")
    sys.exit(SOMETHING_RED)


def _relaying(daemons: Sequence[str]) -> tuple[Manifest, ...]:
    """The selected daemons whose profile relays a stream. Raises SelectionError."""
    chosen = manifests(Selection(daemons=tuple(daemons)))
    relaying = tuple(each for each in chosen if profiles()[each.profile].relays)
    if not relaying:
        raise SelectionError("no selected daemon relays the API's stream; name one that does")
    return relaying
