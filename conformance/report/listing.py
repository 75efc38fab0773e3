"""The catalog as a list, by category: for people, and as JSON.

`conformance list` must feel instant, so this module imports only what the scenarios
import themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from conformance.core.scenario import Scenario


def as_text(scenarios: Iterable[Scenario], *, color: bool = False) -> str:
    """A heading for each category, a line for each scenario: name, levels, clauses, sentence.

    Categories stand in the order of their first scenarios.
    """
    rest = _grouped(scenarios)
    name_width = max((len(each.name) for each in rest), default=0)
    clause_width = max((len(_clause_ids(each)) for each in rest), default=0)
    bold, faint, plain = ("\x1b[1m", "\x1b[2m", "\x1b[0m") if color else ("", "", "")
    blocks = []
    for (profile, category), group in groupby(rest, key=_family):
        lines = [
            f"  {each.name:{name_width}}  {faint}{_levels(each):6}  "
            f"{_clause_ids(each):{clause_width}}{plain}  {each.description.splitlines()[0]}"
            for each in group
        ]
        heading = f"{bold}{category}{plain}  {faint}{profile}, {len(lines)}{plain}"
        blocks.append("\n".join([heading, *lines]))
    count = f"{len(rest)} scenarios in {len(blocks)} categories"
    return "\n\n".join([*blocks, count])


def as_json(scenarios: Iterable[Scenario]) -> str:
    """A versioned JSON document with every field that a program may select by."""
    entries = [_entry(each) for each in _grouped(scenarios)]
    return json.dumps({"version": 1, "scenarios": entries}, indent=2, ensure_ascii=False)


def _entry(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "profile": scenario.profile,
        "category": scenario.category,
        "description": scenario.description,
        "clauses": [{"id": each.id, "level": each.level.value} for each in scenario.clauses],
        "pattern": scenario.pattern,
        "needs": list(scenario.needs),
        "everywhere": scenario.everywhere,
        "alone": scenario.alone,
        "quiet": scenario.quiet,
        "evidence": scenario.evidence,
        "since": scenario.since,
    }


def _grouped(scenarios: Iterable[Scenario]) -> list[Scenario]:
    families: dict[tuple[str, str], list[Scenario]] = {}
    for scenario in scenarios:
        families.setdefault(_family(scenario), []).append(scenario)
    return [scenario for family in families.values() for scenario in family]


def _family(scenario: Scenario) -> tuple[str, str]:
    return scenario.profile, scenario.category


def _levels(scenario: Scenario) -> str:
    """MUST, or `MUST SHOULD`: each level once, in the order cited."""
    return " ".join(dict.fromkeys(each.level.value for each in scenario.clauses))


def _clause_ids(scenario: Scenario) -> str:
    return " ".join(each.id for each in scenario.clauses)
