"""The run's report, rendered in the process that controls pytest, in place of pytest's own.

Results arrive in the user_properties of items' reports, from this process or
from xdist's workers alike; the report is told of each as it comes.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import pytest
from _pytest._io import TerminalWriter

import conformance
from conformance import report as reports
from conformance.core.result import Result, Run

PROPERTY = "conformance"
"""The user_property in which an item's report carries its Result."""

CALIBRATION = "calibration"
"""The user_property with the calibration that the Result was found under."""


class Reporting:
    """Renders the run in the controlling process, in place of pytest's own output."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._strict = bool(config.option.warnings_fail)
        self._started = datetime.now().astimezone().isoformat(timespec="seconds")
        self._clock = time.monotonic()
        self._results: list[Result] = []
        self._planned: dict[str, int] = {}
        self._calibration: dict[str, float] = {}
        target = config.option.report_to
        self._stream: TextIO = sys.stdout if target is None else Path(target).open("w")  # noqa: SIM115
        opener = reports.load(config.option.report)
        self._report = opener(self._stream, strict=self._strict)
        _silence(config)

    def _begin(self, ids: list[str]) -> None:
        if not self._planned:
            planned = [each.partition("[")[2].removesuffix("]") for each in ids]
            self._planned = {each: place for place, each in enumerate(planned)}
            daemons = list(dict.fromkeys(daemon_of(each) for each in ids))
            self._report.begin(len(planned), daemons, planned)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Say what is coming (without xdist)."""
        if session.items:
            self._begin([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Say what is coming (with xdist, when the first worker knows)."""
        if ids:
            self._begin(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass a result on; an item that broke without one is an error all the same."""
        properties: dict[str, Any] = dict(report.user_properties)
        if report.when == "call" and PROPERTY in properties:
            self._slowest(properties[CALIBRATION])
            result = Result.from_json(properties[PROPERTY])
            self._results.append(result)
            self._report.result(result)
        elif report.failed:
            self._report.notice(f"error: {report.nodeid}: {report.longreprtext}")

    def _slowest(self, measured: dict[str, float]) -> None:
        """Of the workers' calibrations, the report shows the one that stretched the most."""
        if measured.get("scale", 0.0) > self._calibration.get("scale", 0.0):
            self._calibration = measured

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A driver that cannot be collected is worth a line."""
        if report.failed:
            self._report.notice(f"error: {report.nodeid}: {report.longreprtext}")

    def pytest_internalerror(self, excrepr: object) -> None:
        """The silenced terminal would swallow this."""
        sys.stderr.write(f"{excrepr}\n")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Render the end, and let the exit status say what the report says."""
        if not self._planned:
            return
        run = Run(
            results=tuple(sorted(self._results, key=lambda each: self._planned[each.id])),
            started=self._started,
            duration=time.monotonic() - self._clock,
            version=conformance.__version__,
            planned=len(self._planned),
            calibration=self._calibration,
            strict=self._strict,
        )
        self._report.end(run)
        if session.exitstatus == pytest.ExitCode.OK and reports.exit_status(run):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._stream is not sys.stdout:
            self._stream.close()


def _silence(config: pytest.Config) -> None:
    """Keep pytest's terminal reporter, which other plugins hold, but let it write nowhere."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    assert reporter is not None
    nowhere = Path(os.devnull).open("w")  # noqa: SIM115, open as long as the process
    reporter._tw = TerminalWriter(nowhere)


def daemon_of(nodeid: str) -> str:
    """`test_handoff.py::test_handoff[go/h1/short_chunks]` is an item of daemon `go`."""
    return nodeid.partition("[")[2].partition("/")[0] or nodeid
