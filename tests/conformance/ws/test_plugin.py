"""The pytest fixture, in a pytest of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from ws_servers import Serve, echoes

REPOSITORY = Path(__file__).parents[3]

TESTS = """
import os
from conformance.ws import WSMessage, WSResponse, WSScenario, WSTest

def test_without_it():
    pass

def echo(answer, sent="a"):
    return (
        WSTest(os.environ["URL"])
        .with_message(WSMessage().with_attribute("event", sent))
        .with_response(WSResponse().with_attribute("event", answer))
    )

def failing(answer):
    return echo(answer).without_response(WSResponse().with_attribute("event", "a"))

def test_in_a_function(ws):
    ws.run(echo("a"))
    assert ws.outcomes[0].verdict.value == "pass"

async def test_in_a_coroutine(ws, tmp_path):
    assert tmp_path.exists()
    await ws.run_async(echo("a"))

def test_two_clients(ws):
    ws.run(echo("a").with_name("one"), echo("a").with_name("two"))

def test_a_scenario(ws):
    ws.run(WSScenario("mine").with_client(echo("a")))

def test_that_fails(ws):
    ws.run(failing("A"))

async def test_that_fails_in_a_coroutine(ws):
    await ws.run_async(failing("B"))
"""


def run(folder: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(TESTS)
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "conformance.ws.pytest_plugin"),
            *("-p", "no:cacheprovider", "--color=no", *arguments),
        ],
        cwd=folder,
        env={**os.environ, "URL": url, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_functions_and_coroutines(serve: Serve, tmp_path: Path) -> None:
    done = run(tmp_path, serve(echoes), "--ws-json=report.json", "--ws-junit=report.xml")
    assert "2 failed, 5 passed" in done.stdout, done.stdout + done.stderr
    for letter in "AB":
        assert f'event: expected "{letter}", found "a"' in done.stdout
    assert "transcript of client 1" in done.stdout
    results = json.loads((tmp_path / "report.json").read_text())["results"]
    assert [(each["scenario"], each["verdict"]) for each in results] == [
        ("test_in_a_function", "pass"),
        ("test_in_a_coroutine", "pass"),
        ("test_two_clients", "pass"),
        ("test_two_clients", "pass"),
        ("mine", "pass"),
        ("test_that_fails", "fail"),
        ("test_that_fails_in_a_coroutine", "fail"),
    ]
    root = ET.parse(tmp_path / "report.xml").getroot()  # noqa: S314 - written by the test itself
    assert len(root) == 6


def test_outcomes_come_from_workers(serve: Serve, tmp_path: Path) -> None:
    done = run(tmp_path, serve(echoes), "-n1", "--ws-json=report.json")
    assert "2 failed, 5 passed" in done.stdout, done.stdout + done.stderr
    document = json.loads((tmp_path / "report.json").read_text())
    verdicts = [each["verdict"] for each in document["results"]]
    assert (verdicts.count("pass"), verdicts.count("fail")) == (5, 2)


def test_another_plugin_may_run_coroutines(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "test_anyio.py").write_text(
        TESTS.replace("async def", "import pytest\n\n@pytest.mark.anyio\nasync def")
        + "\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    )
    done = run(tmp_path, serve(echoes), "test_anyio.py")
    assert "2 failed, 5 passed" in done.stdout, done.stdout + done.stderr


def test_the_suites_own_list_does_not_load_it() -> None:
    """`conformance list` stays fast: httpx is not imported for it."""
    program = (
        "import sys; from conformance.cli.main import main; sys.argv = ['conformance', 'list']\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert not left.code\n"
        "loaded = {'httpx', 'conformance.ws'} & sys.modules.keys()\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_test_without_requests_does_not_load_httpx() -> None:
    program = "import sys, conformance.ws; assert 'httpx' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)
