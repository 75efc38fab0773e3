"""`conformance load`: many clients of a server at once."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from conformance.cli.status import ALL_GREEN, SOMETHING_RED, mistakes
from conformance.daemon.failures import DaemonError
from conformance.daemon.guardian import mark_this_process
from conformance.daemon.manifest import Manifest, Variant, missing
from conformance.load import report
from conformance.load.arrivals import Arrivals
from conformance.load.goal import Goal, GoalError
from conformance.load.progress import progress
from conformance.load.run import Wish, load
from conformance.profiles.load_client import CrowdError
from conformance.profiles.registry import profiles
from conformance.running.lookup import SelectionError, known
from conformance.running.selection import Selection, manifests
from conformance.running.serving import served


@click.command("load")
@click.argument("daemons", nargs=-1, metavar="[DAEMON]")
@click.option("--profile", help="The profile; without DAEMON and --url, of daemons/PROFILE.")
@click.option("--url", help="Load the server at this URL.")
@click.option("--variant", default=None, help="This variant; the first one by default.")
@click.option("--clients", type=click.IntRange(1), default=10, show_default=True, help="At once.")
@click.option(
    "--requests", type=click.IntRange(1), default=1, show_default=True, help="Of each client."
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Begin this many requests a second, whatever the answers do (open loop).",
)
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds in which --rate begins requests.",
)
@click.option(
    "--arrivals",
    type=click.Choice(["constant", "poisson"]),
    default="constant",
    show_default=True,
    help="How --rate spreads them.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of --arrivals poisson.")
@click.option("--slo", help="Count goodput: ttft=500ms,added_p99=20ms.")
@click.option("--prompt", default="Count to 100.", show_default=True, help="The question.")
@click.option(
    "--pattern",
    default="drip:20",
    show_default=True,
    help="What the mock API does, where it is the model: 50 tokens a second.",
)
@click.option(
    "--timeout", type=float, default=60.0, show_default=True, help="Seconds for each client."
)
@click.option("--format", "format_", type=click.Choice(["human", "json"]), default="human")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the report there.")
def command(
    daemons: tuple[str, ...],
    profile: str | None,
    url: str | None,
    variant: str | None,
    clients: int,
    requests: int,
    rate: float | None,
    duration: float,
    arrivals: str,
    seed: int,
    slo: str | None,
    prompt: str,
    pattern: str,
    timeout: float,
    format_: str,
    output: str | None,
) -> None:
    """Let many clients ask a server at once, and report how long they wait.

    Without --rate the loop is closed: --clients wait for their answers. Exits 0 when every
    client got its whole answers.
    """
    with mistakes():
        manifest, started = _target(daemons, profile, url, variant)
        try:
            goal = Goal.read(slo) if slo is not None else None
        except GoalError as error:
            raise click.BadParameter(str(error), param_hint="--slo") from None
    lacking = missing(manifest)
    if lacking is not None:
        raise click.UsageError(f"{manifest.name} cannot run here: {lacking}")
    mark_this_process()
    wish = Wish(
        clients,
        requests,
        prompt,
        pattern,
        timeout,
        Arrivals(rate, duration, arrivals == "poisson", seed) if rate is not None else None,
        goal,
    )
    try:
        with progress(clients) as tell:
            outcome = load(manifest, started, wish, tell=tell)
    except (DaemonError, CrowdError) as error:
        click.echo(str(error), err=True)
        sys.exit(SOMETHING_RED)
    text = (report.as_json if format_ == "json" else report.as_text)(outcome)
    if output is None:
        click.echo(text)
    else:
        Path(output).write_text(f"{text}\n")
    sys.exit(SOMETHING_RED if outcome.failures else ALL_GREEN)


def _target(
    daemons: tuple[str, ...], profile: str | None, url: str | None, variant: str | None
) -> tuple[Manifest, Variant]:
    """The one daemon and variant to load. Raises SelectionError or ManifestError."""
    loadable = [name for name, each in profiles().items() if each.load is not None]
    if profile is not None:
        known(profile, loadable, "profile that can be put under load")
    if not daemons and url is None:
        if profile is None:
            raise SelectionError("say what is put under load: DAEMON, --profile or --url")
        daemons = (profile,)
    chosen = manifests(Selection(daemons=daemons, profile=profile, served=served(url=url)))
    if len(chosen) != 1:
        raise SelectionError(f"one daemon is put under load at a time, not {len(chosen)}")
    known(chosen[0].profile, loadable, "profile that can be put under load")
    names = {each.name: each for each in chosen[0].variants}
    if variant is not None:
        known(variant, names, "variant")
    return chosen[0], names[variant] if variant else chosen[0].variants[0]
