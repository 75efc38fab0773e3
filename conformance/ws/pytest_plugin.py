"""A pytest plugin: the fixture `ws`, coroutine tests that use it, and reports.

    pytest_plugins = ["conformance.ws.pytest_plugin"]     # in the outermost conftest.py

    def test_join(ws):
        ws.run(WSTest(URL).with_response(...))

    async def test_join(ws):
        await ws.run_async(WSTest(URL).with_response(...))

The fixture runs one WSTest, a WSScenario, or several WSTests at the same time. A coroutine
test with this fixture does not need another plugin; if pytest-asyncio or anyio handles the
test, that plugin runs it. `--ws-json FILE` and `--ws-junit FILE` write the outcomes, with
pytest-xdist too: they travel in the reports. An unused plugin imports nothing but pytest.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.ws.outcome import Outcome
    from conformance.ws.ws_scenario import WSScenario
    from conformance.ws.ws_test import WSTest

_OUTCOMES = "ws_outcomes"
"""The attribute of a pytest report that carries outcomes, as JSON types, between processes."""


class WS:
    """The value of the fixture `ws`: it runs tests and keeps their outcomes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._scenarios: list[WSScenario] = []

    def run(self, *tests: WSTest | WSScenario) -> None:
        """Run one test, one scenario, or several tests as the clients of one scenario."""
        import asyncio  # noqa: PLC0415 - an unused plugin does not load it

        asyncio.run(self.run_async(*tests))

    async def run_async(self, *tests: WSTest | WSScenario) -> None:
        """Do the same in a coroutine. Raises the error that fails a test."""
        from conformance.ws.ws_scenario import WSScenario  # noqa: PLC0415 - as above

        match tests:
            case (WSScenario() as scenario,):
                pass
            case _:
                scenario = WSScenario(self._name)
                for test in tests:
                    if isinstance(test, WSScenario):
                        raise TypeError(
                            "expected one scenario, or tests, found a mixture (ws.run); add the "
                            "tests to the scenario with with_client"
                        )
                    scenario.with_client(test)
        self._scenarios.append(scenario)
        await scenario.run()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcome of every client that has run here, also of those that failed."""
        return tuple(outcome for scenario in self._scenarios for outcome in scenario.outcomes)


@pytest.fixture
def ws(request: pytest.FixtureRequest) -> WS:
    """Run declarative WebSocket tests."""
    return WS(request.node.name)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ws", "declarative WebSocket tests")
    group.addoption("--ws-json", metavar="FILE", help="write the outcomes of `ws` as JSON")
    group.addoption("--ws-junit", metavar="FILE", help="write the outcomes of `ws` as JUnit XML")


def pytest_configure(config: pytest.Config) -> None:
    options = config.option.ws_json, config.option.ws_junit
    if any(options) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Reports(*options), "conformance-ws-reports")


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test that uses this fixture `ws`, unless another plugin runs it."""
    if not isinstance(pyfuncitem.funcargs.get("ws"), WS):
        return None
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    import asyncio  # noqa: PLC0415 - an unused plugin does not load it

    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names if name in pyfuncitem.funcargs}
    asyncio.run(pyfuncitem.obj(**arguments))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the outcomes of a test to its report."""
    report = yield
    fixture = getattr(item, "funcargs", {}).get("ws")
    if call.when == "call" and isinstance(fixture, WS):
        setattr(report, _OUTCOMES, [outcome.to_json() for outcome in fixture.outcomes])
    return report


class _Reports:
    """Collect the outcomes of all processes and write the reports."""

    def __init__(self, json_path: str | None, junit_path: str | None) -> None:
        self._json_path = json_path
        self._junit_path = junit_path
        self._outcomes: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        # pytest-rerunfailures repeats a test after this outcome; the last attempt counts.
        if report.outcome != "rerun":
            self._outcomes += getattr(report, _OUTCOMES, ())

    def pytest_sessionfinish(self) -> None:
        from conformance.ws.report import write_json, write_junit  # noqa: PLC0415 - as above

        for write, path in ((write_json, self._json_path), (write_junit, self._junit_path)):
            if path:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                write(path, self._outcomes)
