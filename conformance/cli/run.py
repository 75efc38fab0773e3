"""`conformance run`: judge daemons and report."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest

from conformance import report
from conformance.cli.process import enough_descriptors, require_proc, terminable
from conformance.cli.status import ALL_GREEN, SOMETHING_RED, USED_WRONGLY, mistakes, program
from conformance.mock.process import usable_port
from conformance.profiles.environment import SILENCE
from conformance.pytest_plugin.hosting import run_pytest
from conformance.pytest_plugin.reporting import Reporting
from conformance.pytest_plugin.suite import Plan
from conformance.running.selection import Selection, cases, manifests
from conformance.running.serving import instruction, served
from conformance.running.settings import Settings

_PYTEST = "conformance.pytest arguments"


class Command(click.Command):
    """A command that passes everything behind `--` on to pytest."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split the arguments at the first `--`."""
        if "--" in args:
            place = args.index("--")
            args, ctx.meta[_PYTEST] = args[:place], args[place + 1 :]
        return super().parse_args(ctx, args)


@click.command("run", cls=Command)
@click.argument("daemons", nargs=-1, metavar="[DAEMON]... [-- PYTEST_ARGUMENT...]")
@click.option("--profile", help="Only daemons of this profile.")
@click.option("--socket", type=click.Path(), help="Judge the daemon that is served here already.")
@click.option("--url", help="Judge the gateway or backend that is served there already.")
@click.option(
    "--api-key",
    envvar="OPENAI_API_KEY",
    help="The key that the gateway's clients send; with --socket, the daemon's key for its API.",
)
@click.option("--model", help="A model that the gateway knows.")
@click.option(
    "--mock-port",
    metavar="PORT",
    help="The port of the mock API, also as MOCK_API_PORT. What is judged must use "
    "http://127.0.0.1:PORT/v1 as its API.",
)
@click.option("--ca-file", type=click.Path(), help="A CA that is trusted, for an https URL.")
@click.option(
    "--declare",
    "declared",
    multiple=True,
    metavar="NAME[=VALUE,…]",
    help="A capability of what is served, in place of a manifest's; may be repeated.",
)
@click.option("--variant", multiple=True, help="Only this variant; may be repeated.")
@click.option("--category", multiple=True, help="Only this category; may be repeated.")
@click.option("--scenario", multiple=True, help="Only this one, or `unicode_*`; may be repeated.")
@click.option("--since", metavar="VERSION", help="Only scenarios that this version has.")
@click.option("--require", multiple=True, help="Fail where this daemon would be skipped.")
@click.option("-k", "keyword", metavar="EXPR", help="Only what matches, as in pytest.")
@click.option("-m", "mark", metavar="EXPR", help="Only what is so marked: R6, must, unicode …")
@click.option("--lf", "last_failed", is_flag=True, help="Only what failed last time.")
@click.option("-x", "exit_first", is_flag=True, help="Stop at the first failure.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Daemons judged at a time.")
@click.option(
    "--report",
    "targets",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help=f"Write this report, to FILE or to the console; may be repeated. The formats are "
    f"{', '.join(report.formats())}; without one for the console, it is human.",
)
@click.option("--format", "format_", type=click.Choice(report.formats()), help="As --report.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="The FILE of --format.")
@click.option(
    "--scenarios", multiple=True, type=click.Path(), help="Judge also those of this folder."
)
@click.option(
    "--replay", multiple=True, type=click.Path(), help="Judge this scenario file instead."
)
@click.option("--strict", is_flag=True, help="A warning fails the run.")
@click.option(
    "--keep-going",
    is_flag=True,
    help="Judge on where the daemon dies, or the first scenarios fail alike.",
)
@click.option("--deadline", type=float, metavar="SECONDS", help="Bound each scenario by this.")
@click.option(
    "--silence",
    type=float,
    metavar="SECONDS",
    default=SILENCE,
    help="Length of the simulated model silence; 2 by default, 300 for five minutes.",
)
@click.pass_context
def command(  # one parameter for each option
    context: click.Context,
    daemons: tuple[str, ...],
    profile: str | None,
    socket: str | None,
    url: str | None,
    api_key: str | None,
    model: str | None,
    mock_port: str | None,
    ca_file: str | None,
    declared: tuple[str, ...],
    variant: tuple[str, ...],
    category: tuple[str, ...],
    scenario: tuple[str, ...],
    since: str | None,
    require: tuple[str, ...],
    keyword: str | None,
    mark: str | None,
    last_failed: bool,
    exit_first: bool,
    jobs: int | None,
    targets: tuple[str, ...],
    format_: str | None,
    output: str | None,
    scenarios: tuple[str, ...],
    replay: tuple[str, ...],
    strict: bool,
    keep_going: bool,
    deadline: float | None,
    silence: float,
) -> None:
    """Judge daemons: names below daemons/, folders or manifests.

    Without one: the daemon.toml of this folder, or else all of daemons/.

    Everything behind `--` goes to pytest: `conformance run go -- --durations=10`.
    """
    require_proc()
    enough_descriptors()
    with mistakes():
        port = usable_port(mock_port)
        settings = Settings(
            deadline=deadline, silence=silence, mock_port=port, keep_going=keep_going
        )
        running = served(
            socket=socket,
            url=url,
            api_key=api_key,
            model=model,
            ca_file=ca_file,
            mock_port=port,
            declared=declared,
        )
        selection = Selection(
            daemons=daemons,
            profile=profile,
            variants=variant,
            since=since,
            categories=category,
            scenarios=scenario,
            served=running,
            replay=tuple(map(Path, replay)),
            folders=tuple(map(Path, scenarios)),
            require=tuple(name for value in require for name in value.split(",") if name),
        )
        chosen = manifests(selection)
        cases(selection, chosen)
    arguments = [
        *(["-k", keyword] if keyword is not None else []),
        *(["-m", mark] if mark is not None else []),
        *(["--lf"] if last_failed else []),
        *(["-x"] if exit_first else []),
    ]
    try:
        reporting = Reporting.opened(
            _reports(targets, format_, output),
            strict=strict,
            program=program(),
            preamble=instruction(running) if running else "",
        )
    except pytest.UsageError as error:
        raise click.UsageError(str(error)) from None
    settings = replace(settings, records=reporting.whole)
    with terminable():
        status = run_pytest(
            Plan(selection, settings, strict=strict, manifests=chosen),
            reporting,
            [*arguments, *context.meta.get(_PYTEST, [])],
            plugins=_PYTEST in context.meta,
            jobs=min(len(chosen), jobs or os.cpu_count() or 1),
        )
    sys.exit(_exit_status(status))


def _reports(targets: tuple[str, ...], format_: str | None, output: str | None) -> list[str]:
    """Every report that is asked for; `human` on the console, where no other stands there."""
    reports = list(targets)
    if format_ or output:
        reports.append(f"{format_ or 'human'}{f'={output}' if output else ''}")
    if all("=" in target for target in reports):
        reports.append("human")
    return reports


def _exit_status(status: int) -> int:
    """pytest's exit status in this command's terms."""
    match status:
        case pytest.ExitCode.OK:
            return ALL_GREEN
        case pytest.ExitCode.TESTS_FAILED | pytest.ExitCode.INTERRUPTED:
            return SOMETHING_RED
        case pytest.ExitCode.NO_TESTS_COLLECTED:
            click.echo("nothing is selected: no scenario matches -k or -m", err=True)
    return USED_WRONGLY
