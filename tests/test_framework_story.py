"""The steps of a streaming daemon test framework, taken as its users take them."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from pathlib import Path

import pytest
from tap.parser import Parser

from conformance.checks import Checks

ROOT = Path(__file__).parents[1]
DAEMON = "python-http2"

OUTER = {"MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "REQUIRE", "COVERAGE", "DAEMON"}
"""Variables of a make that runs these tests: they must not select anything here."""


def make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run make in tests/, as a CI job does."""
    words = ["make", "--silent", "-C", "tests", *arguments]
    words += [f"{name}={value}" for name, value in variables.items()]
    env = {name: value for name, value in os.environ.items() if name not in OUTER}
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_the_scenarios_are_listed_by_category() -> None:
    listed = make("list").stdout
    for category in ("basic", "unicode", "chunks", "abort", "finish"):
        assert re.search(rf"^{category} ", listed, re.MULTILINE)


def test_a_daemon_is_judged_with_tap_output() -> None:
    judged = make("test-tap", DAEMON=DAEMON, CATEGORY="basic,finish", VARIANT="default")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    lines = [line for line in Parser().parse_text(judged.stdout) if line.category == "test"]
    assert len(lines) > 10
    assert all(line.ok for line in lines)


def test_a_daemon_is_judged_with_json_output() -> None:
    judged = make("test", DAEMON=DAEMON, SCENARIO="unicode_emoji", FORMAT="json")
    document = json.loads(judged.stdout)
    assert {result["scenario"] for result in document["results"]} == {"unicode_emoji"}
    assert {result["verdict"] for result in document["results"]} == {"pass"}


def test_the_mock_api_listens_on_a_port_of_the_users_choice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("MOCK_API_PORT", str(taken.getsockname()[1]))
        refused = make("test", DAEMON=DAEMON, SCENARIO="unicode_emoji")
        assert refused.returncode != 0
        assert "is in use" in refused.stdout + refused.stderr
    monkeypatch.setenv("MOCK_API_PORT", str(_free_port()))
    assert make("test", DAEMON=DAEMON, SCENARIO="unicode_emoji").returncode == 0


def test_a_failing_daemon_fails_the_command() -> None:
    judged = make("test", DAEMON="tests/faulty/handoff", VARIANT="silent", SCENARIO="unicode_emoji")
    assert judged.returncode != 0
    assert "unicode_emoji" in judged.stdout


def test_every_documented_assertion_has_a_check() -> None:
    guide = (ROOT / "docs" / "writing-scenarios.md").read_text()
    rows = re.findall(r"^\| `(Assert\w+)\(.*\)` \| `(\w+)\(", guide, re.MULTILINE)
    assert len(rows) == 13
    for _, check in rows:
        assert callable(getattr(Checks, check))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
