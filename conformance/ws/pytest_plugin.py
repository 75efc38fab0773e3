"""pytest: the fixture `ws`, coroutine tests that use it, and reports of what it ran.

    pytest_plugins = ["conformance.ws.pytest_plugin"]     # in the outermost conftest.py

    def test_join(ws):
        ws.run(WSTest(URL).with_response(...))

    async def test_join(ws):
        await ws.run_async(WSTest(URL).with_response(...))

The fixture runs one WSTest, a WSScenario, or several WSTests at once. A coroutine
test that asks for it needs no other plugin; where one is in charge of the test
(pytest-asyncio, anyio), that one runs it. `--ws-json FILE` and `--ws-junit FILE`
write what the fixture ran, with pytest-xdist too: outcomes travel in the reports.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from conformance.ws.declaration import WSTest
from conformance.ws.outcome import Outcome
from conformance.ws.report import write_json_document, write_junit_document
from conformance.ws.scenario import WSScenario

_OUTCOMES = "ws_outcomes"
"""The attribute of a pytest report that carries outcomes, as JSON types, between processes."""


class WS:
    """What the fixture `ws` gives: it runs tests and keeps their outcomes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._ran: list[WSScenario] = []

    def run(self, *tests: WSTest | WSScenario) -> None:
        """Run one test, a scenario, or several tests as the clients of one."""
        asyncio.run(self.run_async(*tests))

    async def run_async(self, *tests: WSTest | WSScenario) -> None:
        """The same in a coroutine. Raises what makes a test fail."""
        match tests:
            case (WSScenario() as scenario,):
                pass
            case _:
                scenario = WSScenario(self._name)
                for test in tests:
                    if isinstance(test, WSScenario):
                        raise TypeError("ws.run: expected one scenario, or tests; found a mixture")
                    scenario.with_client(test)
        self._ran.append(scenario)
        await scenario.run()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of everything that ran here, also where it failed."""
        return tuple(outcome for each in self._ran for outcome in each.outcomes)


@pytest.fixture
def ws(request: pytest.FixtureRequest) -> WS:
    """Runs declarative WebSocket tests."""
    return WS(request.node.name)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ws", "declarative WebSocket tests")
    group.addoption("--ws-json", metavar="FILE", help="write what `ws` ran to this JSON file")
    group.addoption("--ws-junit", metavar="FILE", help="write it to this JUnit XML file")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Reports(config), "conformance-ws-reports")


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test that asks for `ws`, unless another plugin has."""
    if "ws" not in pyfuncitem.fixturenames or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names if name in pyfuncitem.funcargs}
    asyncio.run(pyfuncitem.obj(**arguments))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the report of a call the outcomes of what it ran."""
    report = yield
    fixture = getattr(item, "funcargs", {}).get("ws")
    if call.when == "call" and isinstance(fixture, WS):
        setattr(report, _OUTCOMES, [each.to_json() for each in fixture.outcomes])
    return report


class _Reports:
    """Collects the outcomes of all processes and writes the reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._writers = [
            (write, path)
            for write, path in (
                (write_json_document, config.option.ws_json),
                (write_junit_document, config.option.ws_junit),
            )
            if path
        ]
        self._outcomes: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found: Sequence[dict[str, Any]] = getattr(report, _OUTCOMES, ())
        self._outcomes += found

    def pytest_sessionfinish(self) -> None:
        for write, path in self._writers:
            write(path, self._outcomes)
