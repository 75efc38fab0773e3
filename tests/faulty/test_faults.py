"""The table of faults and the daemon's code belong together."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from conformance.contract import CLAUSES
from conformance.daemon import manifest

HERE = Path(__file__).parent
DAEMON = HERE / "handoff"

MINIATURES = ("dead", "closes", "silent", "empty", "canned", "drops_pattern")


def _table() -> dict[str, Any]:
    spec = util.spec_from_file_location("faulty_handoff_faults", DAEMON / "faults.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return dict(module.FAULTS)


FAULTS = _table()


def _consulted() -> set[str]:
    """The names in every call fault("…") of the daemon's modules."""
    names = set()
    for path in DAEMON.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Name("fault"), args=[ast.Constant(str(name))]):
                    names.add(name)
                case ast.Call(func=ast.Name("fault")):
                    pytest.fail(f"{path.name}:{node.lineno}: fault() takes a name as it stands")
    return names


def test_every_fault_is_somewhere_in_the_code_and_the_other_way_round() -> None:
    consulted = _consulted()
    assert consulted - set(FAULTS) == set(), "consulted, and not in the table of faults.py"
    assert set(FAULTS) - consulted == set(), "in the table of faults.py, and never consulted"


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_says_what_it_does_and_which_clauses_it_violates(name: str) -> None:
    fault = FAULTS[name]
    assert len(fault.description.split()) >= 3
    assert fault.clauses, "a fault that violates nothing is none"
    assert set(fault.clauses) <= set(CLAUSES), "no such clause in the contract"
    assert len(set(fault.clauses)) == len(fault.clauses), "a clause is named twice"


def test_no_two_faults_say_the_same() -> None:
    counts = Counter(fault.description for fault in FAULTS.values())
    assert [text for text, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_shows_in_a_daemon_and_a_variant_that_exist(name: str) -> None:
    fault = FAULTS[name]
    manifest.load(HERE / fault.daemon).variant(fault.variant)


def test_every_clause_is_violated_by_some_fault_that_is_no_miniature() -> None:
    violated = {
        clause
        for name, fault in FAULTS.items()
        if name not in MINIATURES
        for clause in fault.clauses
    }
    # R9 permits; nobody can violate it.
    assert set(CLAUSES) - violated == {"R9"}


def test_each_miniature_is_a_variant_judged_by_the_whole_catalog() -> None:
    described = manifest.load(HERE / "handoff")
    for name in MINIATURES:
        variant = described.variant(name)
        assert variant.args == ("--fault", name)
        assert variant.whole


def test_an_unknown_fault_is_an_error_that_names_the_nearest() -> None:
    ended = subprocess.run(
        [sys.executable, DAEMON / "daemon.py", "--socket", "unused", "--fault", "done_twise"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert "done_twice" in ended.stderr
