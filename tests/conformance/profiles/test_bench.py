"""A bench notes findings with the numbers that a reader needs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from conformance.core.finding import FindingKind
from conformance.core.quoting import stretched
from conformance.profiles.bench import Bench
from conformance.profiles.registry import profile_named

SCENARIO = profile_named("handoff").scenarios[0]


def bench() -> Bench:
    environment: Any = SimpleNamespace(upstream=None, scale=2.0)
    return Bench(SCENARIO, cast(Any, environment))


@pytest.mark.parametrize(
    ("measured", "bound", "expected", "actual"),
    [
        (1.25, 1.0, "at most 1 s", "1.25 s"),
        (130.4567, 128, "at most 128 s", "130.5 s"),
        (3, 2.5, "at most 2.5 s", "3 s"),
    ],
)
def test_a_number_above_its_bound_is_a_finding_with_both(
    measured: float, bound: float, expected: str, actual: str
) -> None:
    one = bench()
    assert not one.at_most("took", measured, bound, "s", clause="U7")
    (finding,) = one.findings
    assert (finding.check, finding.expected, finding.actual) == ("took", expected, actual)
    assert finding.clause == "U7"


def test_a_number_at_its_bound_holds() -> None:
    one = bench()
    assert one.at_most("took", 1.0, 1.0, "s")
    assert one.findings == ()


def test_a_check_leaves_the_clause_to_the_profile() -> None:
    one = bench()
    assert not one.check(
        False, "held", expected="none", actual=["socket:[1]"], kind=FindingKind.HELD
    )
    (finding,) = one.findings
    assert (finding.kind, finding.clause) == (FindingKind.HELD, None)
    assert finding.actual == "'[\"socket:[1]\"]'"


def test_a_bound_that_was_stretched_says_so() -> None:
    one = bench()
    assert one.at_most("took", 1.9, 1.0, "s", timed=True), "twice as slow as a calm machine"
    assert not one.at_most("took", 2.1, 1.0, "s", timed=True)
    (finding,) = one.findings
    assert finding.expected == "at most 2 s (on a calm machine 1)"
    assert one.stretched(2.0) == "4 s: 2 s on a calm machine"
    assert stretched(2.0, 6.5) == "13 s: 2 s on a calm machine"
    assert stretched(2.0, 1.0) == "2 s"
