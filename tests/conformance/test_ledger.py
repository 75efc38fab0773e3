"""The ledger: every clause is judged by a scenario, or says why it cannot be."""

from __future__ import annotations

import pytest

from conformance import catalog
from conformance.contract import CLAUSES, UNTESTABLE, Level
from conformance.scenario import Scenario

SCENARIOS = [each for profile in catalog.profiles() for each in catalog.load(profile)]


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_clause_is_cited_or_says_why_not(clause: str) -> None:
    cited = any(clause in (each.id for each in scenario.clauses) for scenario in SCENARIOS)
    if clause in UNTESTABLE:
        assert not cited, "it is judged: remove its entry from UNTESTABLE"
        assert UNTESTABLE[clause].endswith(".")
    else:
        assert cited


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_a_scenario_cites_a_clause_that_binds(scenario: Scenario) -> None:
    assert scenario.clauses
    assert any(clause.level is not Level.MAY for clause in scenario.clauses)


def test_reasons_are_about_known_clauses_or_rows() -> None:
    names = {each.name for each in SCENARIOS}
    for entry, reason in UNTESTABLE.items():
        assert entry not in names
        assert len(reason) > 20
