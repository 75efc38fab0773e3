"""`conformance list` and `conformance explain`; the help of every command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from conformance.cli.main import COMMANDS

Conformance = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_category_is_listed(conformance: Conformance) -> None:
    listed = conformance("list", "--category=abort")
    assert listed.returncode == 0
    assert "abort_stream" in listed.stdout
    assert "basic_response" not in listed.stdout
    document = json.loads(conformance("list", "--category=abort", "--json").stdout)
    assert {entry["category"] for entry in document["scenarios"]} == {"abort"}


def test_expressions_select_as_in_a_run(conformance: Conformance) -> None:
    marked = conformance("list", "--profile=gateway", "-m", "G3 and must", "--json")
    scenarios = json.loads(marked.stdout)["scenarios"]
    assert scenarios
    assert all("G3" in {clause["id"] for clause in each["clauses"]} for each in scenarios)
    named = json.loads(conformance("list", "-k", "Abort and not early", "--json").stdout)
    names = {each["name"] for each in named["scenarios"]}
    assert "abort_stream" in names
    assert "abort_early" not in names
    for expression, says in (("(", "is not an expression"), ("no_such", "no scenario matches")):
        wrong = conformance("list", "-k", expression)
        assert wrong.returncode == 2
        assert says in wrong.stderr


def test_a_scenario_is_explained(conformance: Conformance) -> None:
    explained = conformance("explain", "abort_stream")
    assert "R6 MUST" in explained.stdout
    unknown = conformance("explain", "abort_steam")
    assert unknown.returncode == 2
    assert "did you mean 'abort_stream'" in unknown.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(conformance: Conformance, command: str) -> None:
    help_ = conformance(command, "--help")
    assert help_.returncode == 0
    assert help_.stdout.lower().startswith("usage: ")
    assert command in conformance("--help").stdout


def test_an_unknown_command_is_a_usage_error(conformance: Conformance) -> None:
    done = conformance("runn")
    assert done.returncode == 2
    assert "No such command 'runn'" in done.stderr
