"""The `conformance` command: list, explain, run, steady, load, fuzz, mock.

`run` hands over to pytest with the drivers of integration/. Modules that take
long to import are imported by the commands that need them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

import conformance
from conformance import report
from conformance.core.result import Verdict

ALL_GREEN, SOMETHING_RED, USED_WRONGLY = 0, 1, 2
"""What `conformance` exits with."""

_FORMAT = click.Choice(report.formats())


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(conformance.__version__, prog_name="conformance")
def main() -> None:
    """Judge servers that stream LLM output, from both sides at once."""


@main.command("list")
@click.option("--profile", default=None, help="Only this profile's catalog.")
@click.option("--category", multiple=True, help="Only this category; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_(profile: str | None, category: tuple[str, ...], as_json: bool) -> None:
    """List the scenarios by category."""
    from conformance.profiles.registry import profile_named, profiles
    from conformance.report import listing
    from conformance.running.selection import SelectionError, known

    try:
        if profile is not None:
            known(profile, profiles(), "profile")
        names = tuple(profiles()) if profile is None else (profile,)
        scenarios = [scenario for name in names for scenario in profile_named(name).scenarios]
        for each in category:
            known(each, {scenario.category: None for scenario in scenarios}, "category")
    except SelectionError as error:
        raise click.UsageError(str(error)) from None
    chosen = [each for each in scenarios if not category or each.category in category]
    click.echo((listing.as_json if as_json else listing.as_text)(chosen))


@main.command()
@click.argument("scenario")
@click.option("--profile", default=None, help="The catalog to look in, where two have the name.")
def explain(scenario: str, profile: str | None) -> None:
    """Say what SCENARIO does, what must hold, and where the rule comes from."""
    from conformance.profiles.registry import profile_named, profiles
    from conformance.report import explain as page
    from conformance.running.selection import SelectionError, known

    try:
        if profile is not None:
            known(profile, profiles(), "profile")
        names = tuple(profiles()) if profile is None else (profile,)
        found = [each for name in names for each in profile_named(name).scenarios]
        known(scenario, {each.name: None for each in found}, "scenario")
    except SelectionError as error:
        raise click.UsageError(str(error)) from None
    click.echo("\n\n".join(page.as_text(each) for each in found if each.name == scenario))


@main.command(context_settings={"ignore_unknown_options": False})
@click.argument("daemons", nargs=-1, metavar="[DAEMON]... [-- PYTEST_ARGUMENT...]")
@click.option("--profile", help="Only daemons of this profile.")
@click.option("--socket", type=click.Path(), help="Judge the daemon that is served here already.")
@click.option("--url", help="Judge the daemon that is served there already (with --profile).")
@click.option("--api-key", envvar="OPENAI_API_KEY", help="The API key which that daemon was given.")
@click.option("--variant", multiple=True, help="Only this variant; may be repeated.")
@click.option("--category", multiple=True, help="Only this category; may be repeated.")
@click.option("--scenario", multiple=True, help="Only this scenario; may be repeated.")
@click.option("--require", multiple=True, help="Fail where this daemon would be skipped.")
@click.option("-k", "keyword", metavar="EXPR", help="Only what matches, as in pytest.")
@click.option("-m", "mark", metavar="EXPR", help="Only what is so marked: R6, must, unicode …")
@click.option("--lf", "last_failed", is_flag=True, help="Only what failed last time.")
@click.option("-x", "exit_first", is_flag=True, help="Stop at the first failure.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Daemons judged at a time.")
@click.option("--format", "format_", type=_FORMAT, default="human", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the report there.")
@click.option(
    "--replay", multiple=True, type=click.Path(), help="Judge this scenario file instead."
)
@click.option("--strict", is_flag=True, help="A warning fails the run.")
@click.option("--deadline", type=float, metavar="SECONDS", help="Bound each scenario by this.")
@click.option(
    "--silence",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="How long a model thinks that thinks for long; 2 by default, 300 for five minutes.",
)
def run(  # one parameter for each option
    daemons: tuple[str, ...],
    profile: str | None,
    socket: str | None,
    url: str | None,
    api_key: str | None,
    variant: tuple[str, ...],
    category: tuple[str, ...],
    scenario: tuple[str, ...],
    require: tuple[str, ...],
    keyword: str | None,
    mark: str | None,
    last_failed: bool,
    exit_first: bool,
    jobs: int | None,
    format_: str,
    output: str | None,
    replay: tuple[str, ...],
    strict: bool,
    deadline: float | None,
    silence: float | None,
) -> None:
    """Judge daemons: names below daemons/, folders or manifests; all of daemons/ when none."""
    from conformance.daemon.manifest import ManifestError
    from conformance.pytest_plugin.plugin import served
    from conformance.running.selection import Selection, SelectionError, manifests

    try:
        running = served(socket, url, api_key)
        chosen = manifests(Selection(daemons=daemons, profile=profile, served=running))
    except (SelectionError, ManifestError) as error:
        raise click.UsageError(str(error)) from None
    arguments = [
        *_each("--daemon", daemons),
        *_each("--variant", variant),
        *_each("--category", category),
        *_each("--scenario", scenario),
        *_each("--replay", replay),
        *_each("--require", [name for value in require for name in value.split(",") if name]),
        *_given("--profile", profile),
        *_given("--socket", socket),
        *_given("--url", url),
        *_given("--api-key", api_key if socket else None),
        *_given("--deadline", deadline),
        *_given("--silence", silence),
        *_given("--report-to", output),
        *_given("-k", keyword),
        *_given("-m", mark),
        *(["--warnings-fail"] if strict else []),
        *(["--lf"] if last_failed else []),
        *(["-x"] if exit_first else []),
        f"--report={format_}",
        f"--command={_how_called()}",
    ]
    sys.exit(_pytest(arguments, jobs or min(len(chosen), os.cpu_count() or 1)))


@main.command(context_settings={"ignore_unknown_options": True})
@click.option("--runs", type=click.IntRange(2), default=50, show_default=True)
@click.option("--busy", is_flag=True, help="Keep one core busy meanwhile.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[RUN_ARGUMENT]...")
def steady(runs: int, busy: bool, arguments: tuple[str, ...]) -> None:
    """Repeat a run and fail where a verdict differs; takes what `run` takes."""
    from conformance.running.repeat import repeat, unsteady

    try:
        seen = repeat(arguments, runs=runs, busy=busy, tell=click.echo)
    except RuntimeError as error:
        raise click.UsageError(str(error)) from None
    differing = list(unsteady(seen, runs=runs))
    counts = ", ".join(
        f"{sum(each[verdict] for each in seen.values())} {verdict.value}"
        for verdict in Verdict
        if any(each[verdict] for each in seen.values())
    )
    click.echo("\n".join([*differing, f"{runs} runs of {len(seen)} cases: {counts}"]))
    sys.exit(SOMETHING_RED if differing else ALL_GREEN)


@main.command()
@click.argument("daemons", nargs=-1, metavar="[DAEMON]...")
@click.option("--variant", multiple=True, help="Only this variant; may be repeated.")
@click.option("--seed", type=int, default=0, show_default=True, help="Where chance starts.")
@click.option("--time", "seconds", type=float, default=10.0, show_default=True, help="Seconds.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=".",
    show_default=True,
    help="The folder for a stream on which a daemon fails.",
)
def fuzz(
    daemons: tuple[str, ...], variant: tuple[str, ...], seed: int, seconds: float, output: Path
) -> None:
    """Send random valid streams through daemons, and compare what each makes of them."""
    from conformance.daemon.failures import DaemonError
    from conformance.daemon.manifest import ManifestError
    from conformance.running import replay
    from conformance.running.selection import Selection, SelectionError, manifests

    try:
        from conformance.fuzz.run import fuzz as run_fuzz
    except ModuleNotFoundError as error:
        raise click.UsageError(
            f"{error}; install it: pip install 'stream-conformance[fuzz]'"
        ) from None
    try:
        chosen = manifests(Selection(daemons=daemons, profile="handoff"))
        outcome = run_fuzz(
            chosen, variants=variant, first_seed=seed, seconds=seconds, tell=click.echo
        )
    except (SelectionError, ManifestError) as error:
        raise click.UsageError(str(error)) from None
    except DaemonError as error:
        click.echo(str(error), err=True)
        sys.exit(SOMETHING_RED)
    found = outcome.disagreement
    if found is None:
        click.echo(f"{outcome.streams} streams, no disagreement")
        sys.exit(ALL_GREEN)
    for name, failures in found.failures.items():
        for failed in failures:
            click.echo(f"{name}: {failed.check} ({failed.clause}): expected {failed.expected}")
            click.echo(f"  actual: {failed.actual} ({failed.where})")
    path = replay.write(output, texts=found.stream.texts, script=found.stream.script)
    daemon = next(iter(found.failures)).partition("/")[0]
    manifest = next(each.path for each in chosen if each.name == daemon)
    click.echo(
        f"repeat: {_how_called()} run --replay {os.path.relpath(path)} {os.path.relpath(manifest)}"
    )
    sys.exit(SOMETHING_RED)


@main.command("load")
@click.argument("daemons", nargs=-1, metavar="[DAEMON]")
@click.option("--profile", help="The profile; without DAEMON and --url, of daemons/PROFILE.")
@click.option("--url", help="Put the backend under load that is served there already.")
@click.option("--variant", default=None, help="This variant; the first one by default.")
@click.option("--clients", type=click.IntRange(1), default=10, show_default=True, help="At once.")
@click.option(
    "--requests", type=click.IntRange(1), default=1, show_default=True, help="Of each client."
)
@click.option("--prompt", default="Count to 100.", show_default=True, help="What is asked.")
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
def load_(
    daemons: tuple[str, ...],
    profile: str | None,
    url: str | None,
    variant: str | None,
    clients: int,
    requests: int,
    prompt: str,
    pattern: str,
    timeout: float,
    format_: str,
    output: str | None,
) -> None:
    """Let many clients ask a chat backend at once, and report how long they wait.

    Exits 0 when every client got its answers.
    """
    from conformance.daemon.failures import DaemonError
    from conformance.daemon.guardian import mark_this_process
    from conformance.daemon.manifest import ManifestError, missing
    from conformance.load import report as load_report
    from conformance.load.progress import progress
    from conformance.load.run import Wish, load
    from conformance.profiles.load_client import CrowdError
    from conformance.profiles.registry import profiles
    from conformance.pytest_plugin.plugin import served
    from conformance.running.selection import Selection, SelectionError, known, manifests

    under_load = [name for name, each in profiles().items() if each.load is not None]
    try:
        if profile is not None:
            known(profile, under_load, "profile that can be put under load")
        if not daemons and url is None:
            if profile is None:
                raise SelectionError("say what is put under load: DAEMON, --profile or --url")
            daemons = (profile,)
        running = served(None, url, None)
        chosen = manifests(Selection(daemons=daemons, profile=profile, served=running))
        if len(chosen) != 1:
            raise SelectionError(f"one daemon is put under load at a time, not {len(chosen)}")
        manifest = chosen[0]
        known(manifest.profile, under_load, "profile that can be put under load")
        names = {each.name: each for each in manifest.variants}
        if variant is not None:
            known(variant, names, "variant")
    except (SelectionError, ManifestError) as error:
        raise click.UsageError(str(error)) from None
    lacking = missing(manifest)
    if lacking is not None:
        raise click.UsageError(f"{manifest.name} cannot run here: {lacking}")
    mark_this_process()
    wish = Wish(clients, requests, prompt, pattern, timeout)
    try:
        with progress(clients) as tell:
            outcome = load(
                manifest, names[variant] if variant else manifest.variants[0], wish, tell=tell
            )
    except (DaemonError, CrowdError) as error:
        click.echo(str(error), err=True)
        sys.exit(SOMETHING_RED)
    text = (load_report.as_json if format_ == "json" else load_report.as_text)(outcome)
    if output is None:
        click.echo(text)
    else:
        Path(output).write_text(f"{text}\n")
    sys.exit(SOMETHING_RED if outcome.failures else ALL_GREEN)


@main.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def mock(arguments: tuple[str, ...]) -> None:
    """Serve the mock API by itself; `conformance mock --help` lists its options."""
    from mock_api.__main__ import main as serve

    serve(list(arguments))


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [f"{option}={value}" for value in values]


def _given(option: str, value: object) -> list[str]:
    return (
        [] if value is None else [f"{option}={value}" if option[1] == "-" else f"{option}{value}"]
    )


def _how_called() -> str:
    """The command as the user can type it again."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{os.path.relpath(sys.executable)} -m conformance"
    return "conformance" if called.parent in _on_path() else os.path.relpath(called)


def _on_path() -> list[Path]:
    return [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep)]


def _drivers() -> Path:
    """integration/, which a wheel carries inside the package."""
    package = Path(conformance.__file__).parent
    inside = package / "integration"
    return inside if inside.is_dir() else package.parent / "integration"


def _pytest(arguments: Sequence[str], jobs: int) -> int:
    """Let pytest run the drivers; its exit status in this command's terms."""
    import pytest

    # Plugins that happen to be installed would only cost time: one alone takes a second.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    drivers = _drivers()
    status = pytest.main(
        [
            str(drivers),
            f"--rootdir={drivers}",
            *("-c", str(drivers / "pytest.ini")),
            *("-o", f"cache_dir={Path.cwd() / '.pytest_cache'}"),
            "--capture=no",
            *("-p", "xdist"),
            # It would leave a folder behind, for the workers, that no driver uses.
            *("-p", "no:tmpdir"),
            *([f"--numprocesses={jobs}"] if jobs > 1 else []),
            *arguments,
        ]
    )
    match status:
        case pytest.ExitCode.OK:
            return ALL_GREEN
        case pytest.ExitCode.TESTS_FAILED | pytest.ExitCode.INTERRUPTED:
            return SOMETHING_RED
        case pytest.ExitCode.NO_TESTS_COLLECTED:
            click.echo("nothing is selected: no scenario matches -k or -m", err=True)
    return USED_WRONGLY
