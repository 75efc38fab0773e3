"""The run's report, rendered in the controlling process in place of pytest's own.

Results arrive with the reports of items, from this process or from xdist's workers.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pytest
from _pytest._io import TerminalWriter

import conformance
from conformance import report as reports
from conformance.core.news import News
from conformance.core.result import Result, Run
from conformance.pytest_plugin.holding import SUITE
from conformance.pytest_plugin.items import Judged, case_of
from conformance.report._command import PROGRAM
from conformance.report._several import Several, Target
from conformance.running.circumstances import described
from conformance.running.selection import Case


class Reporting:
    """Renders the run while pytest's own terminal reporter stays silent."""

    def __init__(self, report: Several, *, strict: bool, preamble: str = "") -> None:
        self._report, self._strict = report, strict
        self._preamble = preamble
        self._started = datetime.now().astimezone().isoformat(timespec="seconds")
        self._clock = time.monotonic()
        self._results: list[Result] = []
        self._notices: list[str] = []
        self._planned: dict[str, int] = {}
        self._lock = threading.Lock()
        self._over = False
        self._calibration: dict[str, float] = {}
        nowhere = Path(os.devnull).open("w")  # noqa: SIM115, open as long as the process
        self._silent = TerminalWriter(nowhere)

    @classmethod
    def opened(
        cls,
        targets: Iterable[str],
        *,
        strict: bool,
        program: str = PROGRAM,
        preamble: str = "",
    ) -> Self:
        """The reports that these texts name, `FORMAT` or `FORMAT=FILE`.

        program: how the user calls `conformance`. preamble: a sentence for the report's start.
        Raises UsageError for an unknown format or
        a file that cannot be written.
        """
        try:
            parsed = [Target.parsed(text) for text in targets]
            several = Several(parsed, strict=strict, program=program)
            return cls(several, strict=strict, preamble=preamble)
        except (LookupError, OSError) as error:
            raise pytest.UsageError(str(error)) from None

    def news(self, news: Sequence[News]) -> None:
        """Pass on what has happened, once the run has begun; called from another thread."""
        with self._lock:
            if self._planned and not self._over:
                self._report.news(news)

    @property
    def whole(self) -> bool:
        """Whether a report shows the records of passes, too."""
        return self._report.whole

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Where a report is on the console, discard pytest's own output.

        The terminal reporter stays, because other plugins use it.
        """
        if not self._report.on_console:
            return
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        assert reporter is not None
        reporter._tw = self._silent

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Show on stderr what other plugins add at the end: durations, where a page was written."""
        if not self._report.on_console:
            return (yield)
        terminalreporter._tw = TerminalWriter(sys.stderr)
        yield
        terminalreporter._tw = self._silent

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Announce the results to come (without xdist)."""
        if session.items:
            self._begin([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Announce the results to come (with xdist, when the first worker has collected)."""
        if ids:
            self._begin(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass a result on; an item that broke without one is an error too."""
        judged: Judged | None = getattr(report, "conformance", None)
        if judged is None and report.failed:
            self._notice(f"error: {report.nodeid}: {report.longreprtext}")
        elif judged is not None and str(report.outcome) != "rerun":
            # The report shows the calibration that stretched time bounds the most.
            if judged.calibration.get("scale", 0.0) > self._calibration.get("scale", 0.0):
                self._calibration = judged.calibration
            for notice in judged.notices:
                if notice not in self._notices:
                    self._notice(notice)
            self._results.append(judged.result)
            self._report.result(judged.result)
            if self._report.abandoned:
                raise KeyboardInterrupt  # as if the user had stopped the run

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be collected is worth a line."""
        if report.failed:
            self._notice(f"error: {report.nodeid}: {report.longreprtext}")

    def pytest_internalerror(self, excrepr: object) -> None:
        """Write it to stderr, since the terminal reporter is silent."""
        sys.stderr.write(f"{excrepr}\n")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Render the end, and let the exit status agree with the report."""
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
            notices=tuple(self._notices),
        )
        run = described(run, _cases(session))
        with self._lock:
            self._over = True
        self._report.end(run)
        if session.exitstatus == pytest.ExitCode.OK and reports.exit_status(run):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        for target in self._report.targets:
            if target.file:
                sys.stderr.write(f"{target.format} report: {target.file}\n")
        if self._report.abandoned:
            sys.stderr.write("stdout has no reader any more, so the run ended early\n")
            return
        for lost in self._report.lost:
            sys.stderr.write(f"Error: {lost}\n")
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def _notice(self, text: str) -> None:
        self._notices.append(text)
        self._report.notice(text)

    def _begin(self, ids: list[str]) -> None:
        if not self._planned:
            planned = [nodeid.partition("[")[2].removesuffix("]") for nodeid in ids]
            daemons = list(dict.fromkeys(daemon_of(nodeid) for nodeid in ids))
            self._report.begin(len(planned), daemons, planned)
            with self._lock:
                self._planned = {case: place for place, case in enumerate(planned)}
            if self._preamble:
                self._notice(self._preamble)


def _cases(session: pytest.Session) -> list[Case]:
    """The cases of the plan, and those of decorated functions."""
    suite = session.config.stash.get(SUITE, None)
    items = [case for case in map(case_of, session.items) if case is not None]
    return [*items, *(suite.cases if suite is not None else ())]


def daemon_of(nodeid: str) -> str:
    """`test_scenarios.py::test_scenario[go/h1/short_chunks]` is an item of daemon `go`."""
    return nodeid.partition("[")[2].partition("/")[0] or nodeid
