"""A page of text about one scenario: what happens, what must hold, and its source."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Iterator

from conformance.core.scenario import Actor, Api, Scenario, Start
from conformance.core.script import to_json

_WIDTH = 88
"""Columns of prose, whatever the width of the window."""


def as_text(scenario: Scenario) -> str:
    """The scenario as a page of text: description, pattern, clauses, needs, evidence."""
    parts = [
        f"{scenario.name}  ({scenario.profile}, {scenario.category})",
        _indented(scenario.description),
        _titled("upstream", _upstream(scenario)),
        *(
            _titled(f"{each.id} {each.level.value}", f"{each.sentence}.")
            for each in scenario.clauses
        ),
        _titled("conditions", "\n".join(_conditions(scenario))),
    ]
    if scenario.evidence:
        parts.append(_titled("evidence", scenario.evidence))
    source = textwrap.indent(inspect.getsource(scenario.function).rstrip(), "  ")
    parts.append(f"what must hold\n{source}")
    return "\n\n".join(parts)


def _upstream(scenario: Scenario) -> str:
    if scenario.actor is Actor.BENCH:
        return "chosen by the scenario for each exchange; see below"
    if scenario.script is not None:
        shown = json.dumps(to_json(scenario.script), ensure_ascii=False)
        return f"a script (docs/control.md):\n{textwrap.shorten(shown, 600, placeholder=' …')}"
    if scenario.pattern is None:
        return "the mock API's ordinary answer"
    return f"pattern `{scenario.pattern}` (docs/patterns.md)"


def _conditions(scenario: Scenario) -> list[str]:
    lines = [f"ends within {scenario.deadline:g} s on a calm machine"]
    if scenario.request:
        lines.append(f"fields of the request: {', '.join(sorted(scenario.request))}")
    if scenario.needs:
        lines.append(f"needs a daemon that declares: {', '.join(scenario.needs)}")
    if scenario.everywhere:
        lines.append("judged in every variant of the daemon")
    if scenario.alone:
        wishes = ", ".join(_wishes(scenario.start))
        lines.append(f"has a daemon instance of its own{f', with {wishes}' if wishes else ''}")
    if scenario.quiet:
        lines.append("runs while no other scenario runs on the machine")
    return lines


def _wishes(start: Start) -> Iterator[str]:
    for name, value in {**start.options, **start.env}.items():
        yield f"{name} = {value}"
    if start.nofile is not None:
        yield f"RLIMIT_NOFILE = {start.nofile}"
    if start.api is not Api.MOCK:
        yield f"an API that is {start.api.value}"


def _titled(title: str, text: str) -> str:
    return f"{title}\n{_indented(text)}"


def _indented(text: str) -> str:
    return "\n".join(
        textwrap.fill(line, _WIDTH, initial_indent="  ", subsequent_indent="  ")
        for line in text.splitlines()
    )
