"""A profile turns findings into failed checks, with the clause that each breaks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.core.finding import Finding, FindingKind
from conformance.core.scenario import ScenarioError
from conformance.profiles.registry import profile_named

PROFILE = profile_named("handoff")
SCENARIO = next(each for each in PROFILE.scenarios if each.name == "unicode_emoji")


def finding(clause: str | None = None, kind: FindingKind | None = None) -> Finding:
    return Finding("check", "this", "that", "event 4", clause, kind)


@pytest.mark.parametrize(
    ("found", "clause", "level"),
    [
        (finding("R9"), "R9", "MAY"),
        (finding("R9", FindingKind.DIED), "R9", "MAY"),
        (finding(kind=FindingKind.DIED), "L4", "MUST"),
        (finding(kind=FindingKind.NOT_SERVED), "H1", "MUST"),
        (finding(), "R3", "MUST"),
    ],
    ids=["its own", "its own before the table", "died", "not served", "the scenario's first"],
)
def test_a_finding_breaks_one_clause(found: Finding, clause: str, level: str) -> None:
    failed = PROFILE.failed_check(found, SCENARIO)
    assert (failed.clause, failed.level) == (clause, level)
    assert (failed.check, failed.expected, failed.actual, failed.where) == (
        "check",
        "this",
        "that",
        "event 4",
    )


def test_an_unknown_clause_names_the_valid_ones() -> None:
    with pytest.raises(LookupError, match=r"no clause 'R99' in the contract of handoff.*H1 .*S2"):
        PROFILE.failed_check(finding("R99"), SCENARIO)


def test_a_scenario_that_cites_an_unknown_clause_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"unicode\.py:\d+: unicode_emoji: no clause 'X1'"):
        PROFILE.bind(replace(SCENARIO, clause_ids=("X1",)))


@pytest.mark.parametrize(
    ("scenario", "unserved", "clause"),
    [
        ("conc_pool_poison", True, "U9"),
        ("conc_pool_poison", False, "R4"),
        ("unicode_emoji", True, "R4"),
    ],
    ids=["its first clause promises an answer", "the client was served", "another matter"],
)
def test_where_an_answer_is_promised_a_missing_one_breaks_the_scenarios_clause(
    scenario: str, unserved: bool, clause: str
) -> None:
    case = next(each for each in PROFILE.scenarios if each.name == scenario)
    cut = Finding("check", "this", "that", "end", None, FindingKind.DONE, unserved)
    assert PROFILE.failed_check(cut, case).clause == clause
    own = replace(cut, clause="L4")
    assert PROFILE.failed_check(own, case).clause == "L4"


def test_a_shared_scenario_cites_the_clause_as_the_profile_words_it() -> None:
    renaming = replace(PROFILE, renamed={"R3": "R9", "H10": "R9"})
    assert renaming.bind(SCENARIO).clause_ids == ("R9",)
    assert renaming.failed_check(finding("H10"), SCENARIO).clause == "R9"


def test_the_clauses_with_a_time_limit_exist() -> None:
    assert PROFILE.timed
    assert all(PROFILE.clause(clause_id) for clause_id in PROFILE.timed)


@pytest.mark.parametrize("actual", ["None", "null"])
def test_a_value_that_is_missing_is_named(actual: str) -> None:
    found = replace(finding(), check="total_tokens", actual=actual)
    failed = PROFILE.failed_check(found, SCENARIO)
    assert failed.actual == "no total tokens: it is missing, or null"
