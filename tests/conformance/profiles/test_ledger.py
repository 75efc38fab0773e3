"""The ledger: a scenario judges every clause, or the profile gives a reason."""

from __future__ import annotations

import pytest

from conformance.core.clause import Level
from conformance.core.scenario import Scenario
from conformance.profiles.base import Profile
from conformance.profiles.registry import profiles

CLAUSES = [
    pytest.param(profile, clause.id, id=f"{profile.name}-{clause.id}")
    for profile in profiles().values()
    for clause in profile.clauses
]
SCENARIOS = [scenario for profile in profiles().values() for scenario in profile.scenarios]


@pytest.mark.parametrize(("profile", "clause"), CLAUSES)
def test_a_clause_is_cited_or_says_why_not(profile: Profile, clause: str) -> None:
    cited = any(clause in scenario.clause_ids for scenario in profile.scenarios)
    if clause in profile.untestable:
        assert not cited, "it is judged: remove its entry from `untestable`"
        assert profile.untestable[clause].endswith(".")
    else:
        assert cited


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_a_scenario_cites_a_clause_that_binds(scenario: Scenario) -> None:
    assert scenario.clauses
    assert any(clause.level is not Level.MAY for clause in scenario.clauses)


@pytest.mark.parametrize("profile", profiles().values(), ids=lambda each: each.name)
def test_reasons_are_about_known_clauses_or_rows(profile: Profile) -> None:
    names = {scenario.name for scenario in profile.scenarios}
    for entry, reason in profile.untestable.items():
        assert entry not in names
        assert len(reason) > 20
