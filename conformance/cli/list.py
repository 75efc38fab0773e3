"""`conformance list`: the scenarios by category."""

from __future__ import annotations

import click

from conformance.cli.status import mistakes
from conformance.core.scenario import Scenario
from conformance.profiles.registry import profile_named, profiles
from conformance.report import listing
from conformance.running.lookup import known


@click.command("list")
@click.option("--profile", default=None, help="Only this profile's catalog.")
@click.option("--category", multiple=True, help="Only this category; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(profile: str | None, category: tuple[str, ...], as_json: bool) -> None:
    """List the scenarios by category."""
    with mistakes():
        scenarios = catalog(profile)
        for name in category:
            known(name, {scenario.category: None for scenario in scenarios}, "category")
    chosen = [each for each in scenarios if not category or each.category in category]
    click.echo((listing.as_json if as_json else listing.as_text)(chosen))


def catalog(profile: str | None) -> list[Scenario]:
    """The scenarios of this profile, or of all. Raises SelectionError or ScenarioError."""
    if profile is not None:
        known(profile, profiles(), "profile")
    names = tuple(profiles()) if profile is None else (profile,)
    return [scenario for name in names for scenario in profile_named(name).scenarios]
