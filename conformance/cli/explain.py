"""`conformance explain`: one scenario as a page of text."""

from __future__ import annotations

import click

from conformance.cli.list import catalog
from conformance.cli.status import mistakes
from conformance.report import explain
from conformance.running.lookup import matching


@click.command("explain")
@click.argument("scenario")
@click.option("--profile", default=None, help="The catalog to look in, where two have the name.")
def command(scenario: str, profile: str | None) -> None:
    """Show what SCENARIO does, what must hold, and where the rule comes from."""
    with mistakes():
        scenarios = catalog(profile)
        categories = [each.category for each in scenarios]
        names = matching(scenario, [each.name for each in scenarios], categories=categories)
    click.echo("\n\n".join(explain.as_text(each) for each in scenarios if each.name in names))
