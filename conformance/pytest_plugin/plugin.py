"""Options, ini keys, hooks and fixtures: what pytest sees of the suite.

pytest imports this module in every project where the suite is installed, so it imports
nothing of the suite at its top. The first fixture, scenario or driver that is used
makes the Suite.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Generator
from typing import Any

import pytest

from conformance.pytest_plugin.fixtures import (
    conformance_case,
    conformance_daemon,
    conformance_mock,
)
from conformance.pytest_plugin.holding import SUITE, hold, suite_of

__all__ = ["conformance_case", "conformance_daemon", "conformance_mock"]

_MANY = (
    ("daemon", "DAEMON", "a name below daemons/, a folder or a daemon.toml"),
    ("variant", "VARIANT", "judge only this variant"),
    ("category", "CATEGORY", "judge only this category"),
    ("scenario", "SCENARIO", "judge only this scenario"),
    ("scenarios", "DIR", "judge also the scenarios in this folder"),
    ("declare", "NAME[=VALUE]", "a capability of the daemon that is served"),
    ("require", "DAEMON", "fail where this daemon would be skipped"),
    ("report", "FORMAT[=FILE]", "write this report, to the file or in place of pytest's output"),
)
_ONE: tuple[tuple[str, str, type, str], ...] = (
    ("profile", "PROFILE", str, "judge only daemons of this profile"),
    ("socket", "PATH", str, "judge the daemon that is served at this socket"),
    ("url", "URL", str, "judge the daemon that is served at this URL"),
    ("api-key", "KEY", str, "the key that is sent to that gateway; of a --socket, its API key"),
    ("model", "NAME", str, "a model that that gateway knows"),
    ("ca-file", "FILE", str, "a CA that is trusted, for an https URL"),
    ("mock-port", "PORT", str, "the mock API's port: that daemon's API is 127.0.0.1:PORT/v1"),
    ("deadline", "SECONDS", float, "bound each scenario by this"),
    ("silence", "SECONDS", float, "length of the simulated model silence"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options, all of them prefixed, and the ini keys."""
    group = parser.getgroup("conformance", "stream conformance")
    for name, metavar, text in _MANY:
        group.addoption(
            f"--conformance-{name}", action="append", default=[], metavar=metavar, help=text
        )
    for name, metavar, kind, text in _ONE:
        group.addoption(f"--conformance-{name}", type=kind, metavar=metavar, help=text)
    group.addoption("--conformance-strict", action="store_true", help="a warning fails the run")
    group.addoption(
        "--conformance-keep-going",
        action="store_true",
        help="judge on where the daemon dies, or fails the first scenarios alike",
    )
    parser.addini("conformance_daemon", "the daemon.toml, from the ini file's folder")
    parser.addini("conformance_variant", "the variant that conformance_daemon starts")


def pytest_configure(config: pytest.Config) -> None:
    """Take the plan that a controlling process passed on; open the report that was asked for."""
    passed = getattr(config, "workerinput", {}).get("conformance")
    if passed is not None:
        hold(config, pickle.loads(passed))  # noqa: S301, the parent process wrote it
    elif config.option.conformance_report and not hasattr(config, "workerinput"):
        from conformance.pytest_plugin.reporting import Reporting  # noqa: PLC0415

        reporting = Reporting.opened(
            config.option.conformance_report, strict=config.option.conformance_strict
        )
        config.pluginmanager.register(reporting, "conformance-reporting")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what still runs, whatever ended the session."""
    if SUITE in config.stash:
        config.stash[SUITE].close()


# Collecting


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise a test that takes `conformance_case` with every selected case."""
    if "conformance_case" in metafunc.fixturenames:
        from conformance.pytest_plugin.asked import readable  # noqa: PLC0415
        from conformance.pytest_plugin.items import parametrize  # noqa: PLC0415

        with readable():
            parametrize(metafunc, suite_of(metafunc.config).cases)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, obj: object) -> list[pytest.Item] | None:
    """Collect a function that is decorated with @scenario."""
    declaring = sys.modules.get("conformance.core.scenario")
    declared = declaring and declaring.scenario_of(obj)
    if not declared or declared.function.__module__ != collector.module.__name__:
        return None
    from conformance.pytest_plugin.asked import readable  # noqa: PLC0415
    from conformance.pytest_plugin.items import ScenarioItem  # noqa: PLC0415

    with readable():
        return list(ScenarioItem.collected(collector, declared, suite_of(collector.config)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the Suite which cases are left after every selection that pytest makes."""
    if SUITE in session.config.stash:
        from conformance.pytest_plugin.items import case_of  # noqa: PLC0415

        cases = (case_of(item) for item in session.items)
        session.config.stash[SUITE].expect(case for case in cases if case is not None)


# Running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Fail a test whose daemon did not pass its checks."""
    yield
    daemon = getattr(item, "funcargs", {}).get("conformance_daemon")
    if daemon is not None:
        daemon.verify()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the report the Result, and the scenario's own duration."""
    report = yield
    if call.when == "call" and SUITE in item.config.stash:
        from conformance.pytest_plugin.items import JUDGED  # noqa: PLC0415

        judged = item.stash.get(JUDGED, None)
        if judged is not None:
            report.duration = judged.result.duration
            report.conformance = judged  # type: ignore[attr-defined]
    return report


# Travelling between xdist's processes


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable(report: Any) -> Generator[None, Any, Any]:
    """Turn the Result into JSON on its way out of a worker."""
    judged = vars(report).pop("conformance", None)
    data = yield
    if judged is not None:
        report.conformance = judged
        data["conformance"] = judged.to_json()
    return data


@pytest.hookimpl(wrapper=True)
def pytest_report_from_serializable(data: dict[str, Any]) -> Generator[None, Any, Any]:
    """Turn it back."""
    judged = data.pop("conformance", None)
    report = yield
    if judged is not None:
        from conformance.pytest_plugin.items import Judged  # noqa: PLC0415

        report.conformance = Judged.from_json(judged)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the plan on to a worker, with the address of the run's mock API."""
    if SUITE in node.config.stash:
        suite = node.config.stash[SUITE]
        assert suite.addresses
        node.workerinput["conformance"] = pickle.dumps(suite.plan)
