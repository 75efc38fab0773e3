"""The tables of faults and the daemons' code belong together."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conformance.profiles.registry import profile_named
from conformance.running import manifests

HERE = Path(__file__).parent

PROFILES = tuple(sorted(path.parent.name for path in HERE.glob("*/faults.py")))

PERMITS = {"R9"}
"""Clauses that permit something: no daemon can violate them."""


def _table(profile: str) -> dict[str, Any]:
    return dict(runpy.run_path(str(HERE / profile / "faults.py"))["FAULTS"])


FAULTS = {profile: _table(profile) for profile in PROFILES}
EACH = [(profile, name) for profile, table in FAULTS.items() for name in table]


def _clauses(profile: str) -> set[str]:
    return {clause.id for clause in profile_named(profile).clauses}


def _miniatures(profile: str) -> set[str]:
    """The faults that are the smallest daemons, judged by the whole catalog as variants."""
    described = manifests.load(HERE / profile)
    return {each.name for each in described.variants if each.whole and each.name in FAULTS[profile]}


def _consulted(profile: str) -> set[str]:
    """The names in every call fault("…") of the daemon's modules."""
    names = set()
    own = sorted((HERE / profile).glob("*.py"))
    reads = any("from reading import" in path.read_text() for path in own)
    for path in (*own, *[HERE / "reading.py"] * reads):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name("fault"), args=[ast.Constant(str(name))]):
                    names.add(name)
                case ast.Call(func=ast.Name("fault")):
                    pytest.fail(f"{path}:{node.lineno}: fault() takes a name as it stands")
    return names


@pytest.mark.parametrize("profile", PROFILES)
def test_every_fault_is_somewhere_in_the_code_and_the_other_way_round(profile: str) -> None:
    consulted, table = _consulted(profile), set(FAULTS[profile])
    assert consulted - table == set(), "consulted, and not in the table of faults.py"
    assert table - consulted == set(), "in the table of faults.py, and never consulted"


@pytest.mark.parametrize(("profile", "name"), EACH)
def test_a_fault_says_what_it_does_and_which_clauses_it_violates(profile: str, name: str) -> None:
    fault = FAULTS[profile][name]
    mine = _clauses(profile)
    assert len(fault.description.split()) >= 3
    assert fault.clauses, "a fault that violates nothing is none"
    assert set(fault.clauses) <= mine, "no such clause in the profile's contract"
    assert len(set(fault.clauses)) == len(fault.clauses), "a clause is named twice"


@pytest.mark.parametrize("profile", PROFILES)
def test_no_two_faults_say_the_same(profile: str) -> None:
    counts = Counter(fault.description for fault in FAULTS[profile].values())
    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(("profile", "name"), EACH)
def test_a_fault_shows_in_a_daemon_and_a_variant_that_exist(profile: str, name: str) -> None:
    fault = FAULTS[profile][name]
    manifests.load(HERE / fault.daemon).variant(fault.variant)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_clause_is_violated_by_some_fault_that_is_no_miniature(profile: str) -> None:
    violated = {
        clause
        for name, fault in FAULTS[profile].items()
        if name not in _miniatures(profile)
        for clause in fault.clauses
    }
    mine = _clauses(profile)
    assert mine - violated == mine & (PERMITS | set(profile_named(profile).untestable))


@pytest.mark.parametrize("profile", PROFILES)
def test_the_miniatures_are_variants_judged_by_the_whole_catalog(profile: str) -> None:
    miniatures = _miniatures(profile)
    assert {"dead", "closes", "silent", "canned"} <= miniatures
    described = manifests.load(HERE / profile)
    for name in miniatures:
        assert described.variant(name).args == ("--fault", name)


def test_an_unknown_fault_is_an_error_that_names_the_nearest() -> None:
    ended = subprocess.run(
        [
            sys.executable,
            HERE / "handoff" / "daemon.py",
            "--socket",
            "unused",
            "--fault",
            "done_twise",
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert "done_twice" in ended.stderr


def test_the_self_test_asks_as_the_daemons_are_told() -> None:
    told = 'ASKED = "FAULTS_ASKED"\n'
    assert told in (HERE / "switch.py").read_text()
    assert told in (HERE / "self_test.py").read_text()
