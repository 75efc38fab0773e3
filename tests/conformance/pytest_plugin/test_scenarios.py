"""Scenarios outside the catalog: in a test module, and as a driver's parameters."""

from __future__ import annotations

import pytest

from tests.conformance.pytest_plugin.conftest import Run

SCENARIOS = """
from conformance import Checks, scenario

@scenario(clause="R3", pattern="unicode")
def emoji(response: Checks) -> None:
    '''The daemon relays an emoji.'''
    response.no_error().content_contains("😀")

@scenario(clause="R2", pattern="short", everywhere=True)
async def complete(exchange) -> None:
    '''The daemon ends a complete answer with the done marker.'''
    (await exchange.response()).no_error().done_marker()

def test_ordinary() -> None:
    pass
"""

DRIVER = """
def test_case(conformance_case):
    conformance_case()
"""


def test_a_scenario_in_a_test_module_is_an_item(project: Run) -> None:
    result = project(SCENARIOS, "-v", "--conformance-variant=default")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "test_mine.py::emoji[[]faulty/default/emoji[]] PASSED*",
            "test_mine.py::complete[[]faulty/default/complete[]] PASSED*",
            "test_mine.py::test_ordinary PASSED*",
        ]
    )


def test_it_fails_with_check_clause_and_evidence(project: Run) -> None:
    result = project(SCENARIOS, "--conformance-variant=canned", "-k", "emoji")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["fail: The daemon relays an emoji.", "applied (* MUST) at *"])


def test_the_variants_to_which_it_belongs_are_judged(project: Run) -> None:
    result = project(SCENARIOS, "--collect-only", "-q")
    collected = [line for line in result.outlines if "::" in line]
    assert collected.count("test_mine.py::emoji[faulty/default/emoji]") == 1
    assert "test_mine.py::complete[faulty/simple/complete]" in collected
    assert "test_mine.py::emoji[faulty/simple/emoji]" not in collected


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('clause="R3"', 'clause="R33"', "test_mine.py:3: emoji: no clause 'R33' in the contract"),
        ('clause="R3", ', "", "test_mine.py:3: emoji: has no clause; add the one that it judges"),
        ("response: Checks", "answer", "found `def emoji(answer)`; correct the parameter"),
        ("def complete", "def emoji", "emoji: the name is taken by line 3; rename one of them"),
    ],
    ids=["unknown clause", "no clause", "wrong parameter", "name taken"],
)
def test_a_mistake_names_file_function_and_fix(
    project: Run, old: str, new: str, message: str
) -> None:
    result = project(SCENARIOS.replace(old, new))
    assert result.ret == 2
    assert message in result.stdout.str()


def test_a_driver_runs_once_for_each_selected_case(project: Run) -> None:
    chosen = ("--conformance-variant=default", "--conformance-category=finish")
    result = project(DRIVER, "-v", *chosen, "-k", "finish_stop or finish_length")
    assert result.parseoutcomes()["passed"] == 2
    result.stdout.fnmatch_lines(["*test_case[[]faulty/default/finish_stop[]] PASSED*"])
    project(DRIVER, *chosen, "-m", "finish and not alone", "--strict-markers").stdout.fnmatch_lines(
        ["*passed*"]
    )
