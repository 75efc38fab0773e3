"""`conformance list`: the scenarios by category."""

from __future__ import annotations

from collections.abc import Callable

import click

from conformance.cli.status import mistakes
from conformance.core.scenario import Scenario
from conformance.profiles.registry import profile_named, profiles
from conformance.report import listing
from conformance.running.lookup import SelectionError, known


@click.command("list")
@click.option("--profile", default=None, help="Only this profile's catalog.")
@click.option("--category", multiple=True, help="Only this category; may be repeated.")
@click.option("-k", "keyword", metavar="EXPR", help="Only what matches, as in pytest.")
@click.option("-m", "mark", metavar="EXPR", help="Only what is so marked: R6, must, unicode …")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(
    profile: str | None,
    category: tuple[str, ...],
    keyword: str | None,
    mark: str | None,
    as_json: bool,
) -> None:
    """List the scenarios by category."""
    with mistakes():
        scenarios = catalog(profile)
        for name in category:
            known(name, {scenario.category: None for scenario in scenarios}, "category")
        if category:
            scenarios = [each for each in scenarios if each.category in category]
        if keyword is not None:
            scenarios = _selected(scenarios, keyword, "-k", _has_keyword)
        if mark is not None:
            scenarios = _selected(scenarios, mark, "-m", _has_mark)
    click.echo((listing.as_json if as_json else listing.as_text)(scenarios))


def catalog(profile: str | None) -> list[Scenario]:
    """The scenarios of this profile, or of all. Raises SelectionError or ScenarioError."""
    if profile is not None:
        known(profile, profiles(), "profile")
    names = tuple(profiles()) if profile is None else (profile,)
    return [scenario for name in names for scenario in profile_named(name).scenarios]


def _selected(
    scenarios: list[Scenario], text: str, option: str, has: Callable[[Scenario, str], bool]
) -> list[Scenario]:
    """The scenarios for which pytest's expression holds. Raises SelectionError."""
    from _pytest.mark.expression import Expression  # noqa: PLC0415 - it takes 100 ms

    try:
        expression = Expression.compile(text)
    except SyntaxError as error:
        fix = "write names with and, or, not"
        raise SelectionError(f"{option} {text!r} is not an expression ({error}); {fix}") from None

    def matches(scenario: Scenario) -> bool:
        def holds(name: str, /, **fields: str | int | bool | None) -> bool:
            return has(scenario, name)

        return expression.evaluate(holds)

    found = list(filter(matches, scenarios))
    if not found:
        raise SelectionError(f"no scenario matches {option} {text!r}")
    return found


def _has_keyword(scenario: Scenario, name: str) -> bool:
    words = (scenario.name, scenario.profile, *scenario.marks)
    return any(name.lower() in word.lower() for word in words)


def _has_mark(scenario: Scenario, name: str) -> bool:
    return name in scenario.marks
