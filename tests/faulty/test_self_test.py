"""The proof's own book-keeping: what it must call a defect, and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ledger import Ledger
from self_test import Proof
from tables import Fault

from conformance.core.result import FailedCheck, Result, Verdict
from conformance.mock.addresses import Addresses


def fault(name: str, clauses: str = "R3", profile: str = "handoff") -> Fault:
    return Fault(profile, name, "does it wrongly", tuple(clauses.split()), "handoff", "default")


def result(scenario: str, verdict: Verdict, cites: str = "", profile: str = "handoff") -> Result:
    failed = (FailedCheck("content", cites, "MUST", "this", "that", "event 4"),) if cites else ()
    return Result(
        "faulty", "default", scenario, "basic", profile, "", (), verdict, 0.1, failures=failed
    )


def test_what_cites_a_violated_clause_catches_the_fault() -> None:
    ledger, wrong = Ledger(), fault("wrong")
    results = [result("one", Verdict.FAIL, "R3"), result("two", Verdict.PASS)]
    assert ledger.add(wrong, results) == {}
    assert ledger.caught["handoff/wrong"] == {"handoff/one"}
    assert ledger.uncaught([wrong]) == []


@pytest.mark.parametrize(
    ("name", "red", "says"),
    [
        ("wrong", result("one", Verdict.FAIL, "R4"), "cites R4, which is not violated (R3)"),
        ("wrong", result("one", Verdict.ERROR), "wrong: one: "),
        ("", result("one", Verdict.FAIL, "R3"), "no fault: handoff/default: one: content cites R3"),
        ("", result("one", Verdict.WARN, "R3"), "no fault: handoff/default: one: content cites R3"),
    ],
)
def test_what_is_red_for_another_reason_is_wrong(name: str, red: Result, says: str) -> None:
    ledger, wrong = Ledger(), fault(name, "R3" if name else "")
    assert says in ledger.add(wrong, [red])["one"][0]
    assert not ledger.caught[wrong.id]
    assert ledger.uncaught([wrong]) == ([wrong] if name else [])


def test_a_scenario_red_only_where_most_are_proves_nothing() -> None:
    ledger = Ledger()
    names = ("one", "two", "three", "four")
    dead = [result(each, Verdict.FAIL, "R3") for each in names[:3]]
    ledger.add(fault("dead"), [*dead, result("four", Verdict.PASS)])
    ledger.add(
        fault("wrong"),
        [result("one", Verdict.FAIL, "R3"), *(result(each, Verdict.PASS) for each in names[1:])],
    )
    assert ledger.catching_nothing() == ["handoff/four", "handoff/three", "handoff/two"]
    # Another profile's scenarios do not make it less than most.
    ledger.add(
        fault("dead", profile="spaces"),
        [result(f"s{n}", Verdict.FAIL, "R3", profile="spaces") for n in range(9)],
    )
    assert ledger.catching_nothing() == [
        *("handoff/four", "handoff/three", "handoff/two"),
        *(f"spaces/s{n}" for n in range(9)),
    ]


def test_a_skipped_scenario_is_not_judged() -> None:
    ledger = Ledger()
    ledger.add(fault("wrong"), [result("one", Verdict.SKIP)])
    assert ledger.catching_nothing() == []


def test_the_matrix_says_which_caught_or_which_did_not() -> None:
    ledger = Ledger()
    names = ("one", "two", "three", "four")
    for name, red in (("wrong", 1), ("dead", 3)):
        ledger.add(
            fault(name),
            [
                result(each, Verdict.FAIL, "R3") if n < red else result(each, Verdict.PASS)
                for n, each in enumerate(names)
            ],
        )
    assert [line.split() for line in ledger.matrix()][1:] == [
        ["handoff/wrong", "1", "one"],
        ["handoff/dead", "3", "all", "but", "four"],
    ]


def test_a_fault_that_a_daemon_never_reaches_is_not_judged(tmp_path: Path) -> None:
    run = Proof(Addresses("", "", "", "", ""), (), str(tmp_path))
    wrong, scenario = fault("wrong"), result("one", Verdict.PASS)
    scenario_like: Any = type("Named", (), {"name": scenario.scenario})
    assert run.shows(wrong, scenario_like)  # nothing is known of it
    told = run.reached(wrong, scenario_like)
    told.mkdir(parents=True)
    (told / "7").write_bytes(b"another\n")
    assert not run.shows(wrong, scenario_like)
    (told / "8").write_bytes(b"wrong\n")
    assert run.shows(wrong, scenario_like)
