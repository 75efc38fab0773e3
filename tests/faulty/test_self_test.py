"""The proof's own book-keeping: what it must call a defect, and what it prints."""

from __future__ import annotations

import sys
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from conformance.core.result import FailedCheck, Result, Verdict


@pytest.fixture(scope="module")
def proof() -> Any:
    spec = util.spec_from_file_location("self_test", Path(__file__).with_name("self_test.py"))
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def fault(proof: Any, name: str, clauses: str = "R3") -> Any:
    return proof.Fault(name, "does it wrongly", tuple(clauses.split()), "handoff", "default")


def result(scenario: str, verdict: Verdict, cites: str = "", profile: str = "handoff") -> Result:
    failed = (FailedCheck("content", cites, "MUST", "this", "that", "event 4"),) if cites else ()
    return Result(
        "faulty", "default", scenario, "basic", profile, "", (), verdict, 0.1, failures=failed
    )


def test_what_cites_a_violated_clause_catches_the_fault(proof: Any) -> None:
    ledger, wrong = proof.Ledger(), fault(proof, "wrong")
    results = [result("one", Verdict.FAIL, "R3"), result("two", Verdict.PASS)]
    assert ledger.add(wrong, results) == {}
    assert ledger.caught["wrong"] == {"one"}
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
def test_what_is_red_for_another_reason_is_wrong(
    proof: Any, name: str, red: Result, says: str
) -> None:
    ledger, wrong = proof.Ledger(), fault(proof, name, "R3" if name else "")
    assert says in ledger.add(wrong, [red])["one"][0]
    assert not ledger.caught[name]
    assert ledger.uncaught([wrong]) == ([wrong] if name else [])


def test_a_scenario_red_only_where_most_are_proves_nothing(proof: Any) -> None:
    ledger = proof.Ledger()
    names = ("one", "two", "three", "four")
    dead = [result(each, Verdict.FAIL, "R3") for each in names[:3]]
    ledger.add(fault(proof, "dead"), [*dead, result("four", Verdict.PASS)])
    ledger.add(
        fault(proof, "wrong"),
        [result("one", Verdict.FAIL, "R3"), *(result(each, Verdict.PASS) for each in names[1:])],
    )
    assert ledger.catching_nothing() == ["four", "three", "two"]
    # Another profile's scenarios do not make it less than most.
    ledger.add(
        fault(proof, "spaces/dead"),
        [result(f"s{n}", Verdict.FAIL, "R3", profile="spaces") for n in range(9)],
    )
    assert ledger.catching_nothing()[:3] == ["four", *(f"spaces/s{n}" for n in range(2))]
    assert {"three", "two"} <= set(ledger.catching_nothing())


def test_a_skipped_scenario_is_not_judged(proof: Any) -> None:
    ledger = proof.Ledger()
    ledger.add(fault(proof, "wrong"), [result("one", Verdict.SKIP)])
    assert ledger.catching_nothing() == []


def test_the_matrix_says_which_caught_or_which_did_not(proof: Any) -> None:
    ledger = proof.Ledger()
    names = ("one", "two", "three", "four")
    for name, red in (("wrong", 1), ("dead", 3)):
        ledger.add(
            fault(proof, name),
            [
                result(each, Verdict.FAIL, "R3") if n < red else result(each, Verdict.PASS)
                for n, each in enumerate(names)
            ],
        )
    assert [line.split() for line in proof._matrix(ledger)][1:] == [
        ["wrong", "1", "one"],
        ["dead", "3", "all", "but", "four"],
    ]


def test_what_a_daemon_never_comes_by_need_not_be_judged(proof: Any, tmp_path: Path) -> None:
    run = proof.Run({}, (), str(tmp_path))
    wrong, scenario = fault(proof, "wrong"), result("one", Verdict.PASS)
    scenario_like: Any = type("Named", (), {"name": scenario.scenario})
    assert run.shows(wrong, scenario_like)  # nothing is known of it
    told = run.asked(wrong, scenario_like)
    told.mkdir(parents=True)
    (told / "7").write_bytes(b"another\n")
    assert not run.shows(wrong, scenario_like)
    (told / "8").write_bytes(b"wrong\n")
    assert run.shows(wrong, scenario_like)
