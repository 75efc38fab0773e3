"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import conformance.ws
from tests.conformance.ws.servers import Serve, echoes

pytest_plugins = ["pytester"]

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


Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run(*arguments, tests=TESTS)` runs pytest with the plugin, next to a server that echoes."""
    monkeypatch.setenv("URL", serve(echoes))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    # Some of the plugins that happen to be installed here start slowly.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def call(*arguments: str, tests: str = TESTS) -> pytest.RunResult:
        pytester.makepyfile(test_it=tests)
        return pytester.runpytest("-p", "conformance.ws.pytest_plugin", *arguments)

    return call


def verdicts(report: Path) -> list[str]:
    return sorted(result["verdict"] for result in json.loads(report.read_text())["results"])


def test_functions_and_coroutines(run: Run, pytester: pytest.Pytester) -> None:
    done = run("--ws-json=made/for/report.json", "--ws-junit=report.xml")
    done.assert_outcomes(passed=5, failed=2)
    for letter in "AB":
        done.stdout.fnmatch_lines([f'*event: expected "{letter}", found "a"'])
    done.stdout.fnmatch_lines(["*transcript of client 1"])
    results = json.loads((pytester.path / "made/for/report.json").read_text())["results"]
    assert [(result["scenario"], result["verdict"]) for result in results] == [
        ("test_in_a_function", "pass"),
        ("test_in_a_coroutine", "pass"),
        ("test_two_clients", "pass"),
        ("test_two_clients", "pass"),
        ("mine", "pass"),
        ("test_that_fails", "fail"),
        ("test_that_fails_in_a_coroutine", "fail"),
    ]
    root = ET.parse(pytester.path / "report.xml").getroot()  # noqa: S314 - its own report
    assert len(root) == 6


def test_outcomes_travel_from_workers(run: Run, pytester: pytest.Pytester) -> None:
    done = run("-p", "xdist.plugin", "-n1", "--ws-json=report.json")
    done.assert_outcomes(passed=5, failed=2)
    assert verdicts(pytester.path / "report.json") == ["fail"] * 2 + ["pass"] * 5


def test_a_repeated_attempt_is_not_a_result(run: Run, pytester: pytest.Pytester) -> None:
    """pytest-rerunfailures gives the outcome `rerun` to an attempt that it repeats."""
    pytester.makeconftest(
        "import pytest\n\n@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_runtest_makereport():\n    report = yield\n"
        "    report.outcome = 'rerun' if report.failed else report.outcome\n    return report\n"
    )
    run("--ws-json=report.json")
    assert verdicts(pytester.path / "report.json") == ["pass"] * 5


def test_another_plugin_may_run_coroutines(run: Run) -> None:
    tests = TESTS.replace("async def", "import pytest\n\n@pytest.mark.anyio\nasync def")
    backend = "\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"
    done = run("-p", "anyio.pytest_plugin", tests=tests + backend)
    done.assert_outcomes(passed=5, failed=2)


def test_a_fixture_of_the_same_name_is_left_alone(run: Run) -> None:
    """A coroutine with another fixture `ws` gets pytest's own answer, as without the plugin."""
    tests = (
        "import pytest\n\n@pytest.fixture\ndef ws():\n    return 5\n\n"
        "def test_five(ws):\n    assert ws == 5\n\n"
        "async def test_coroutine(ws):\n    raise AssertionError('it ran')\n"
    )
    done = run(tests=tests)
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*async def functions are not natively supported*"])
    done.stdout.no_fnmatch_line("*it ran*")


def test_a_mixture_is_refused(run: Run) -> None:
    mixture = "\n\ndef test_mixture(ws):\n    ws.run(echo(1), WSScenario(''))\n"
    done = run("-k", "mixture", tests=TESTS + mixture)
    done.stdout.fnmatch_lines(["*TypeError: expected one scenario, or tests, found a mixture*"])


def loaded(module: str, *, besides: str) -> set[str]:
    """Return the modules that one import loads, in addition to those of another import."""
    program = (
        f"import sys; import {besides}; before = set(sys.modules)\n"
        f"import {module}; print(*(sys.modules.keys() - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_an_unused_plugin_loads_nothing() -> None:
    assert loaded("conformance.ws.pytest_plugin", besides="conformance, pytest") == {
        "conformance.ws",
        "conformance.ws.pytest_plugin",
    }


def test_the_library_loads_httpx_and_requests_only_when_it_uses_them() -> None:
    modules = loaded("conformance.ws.public", besides="conformance")
    assert "conformance.ws.ws_test" in modules
    assert not {"httpx", "requests", "pytest"} & modules


def test_the_library_does_not_need_the_rest_of_the_suite() -> None:
    modules = loaded("conformance.ws.public, conformance.ws.pytest_plugin", besides="conformance")
    own = {name for name in modules if name.split(".")[0] in ("conformance", "mock_api")}
    assert {name for name in own if not f"{name}.".startswith("conformance.ws.")} == set()


def test_the_package_lists_its_public_names() -> None:
    assert "WSTest" in dir(conformance.ws)
    assert len(dir(conformance.ws)) == len(set(dir(conformance.ws))) >= 25


def test_an_absent_name_is_an_attribute_error() -> None:
    assert not hasattr(conformance.ws, "absent")
    assert not hasattr(conformance.ws, "__absent__")


def test_listing_scenarios_does_not_load_it() -> None:
    program = (
        "import runpy, sys; sys.argv = ['conformance', 'list']\n"
        "try:\n    runpy.run_module('conformance', run_name='__main__')\n"
        "except SystemExit as left:\n    assert not left.code\n"
        "loaded = {'httpx', 'conformance.ws'} & sys.modules.keys()\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
