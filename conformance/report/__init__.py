"""Reports: each renders Results, nothing else.

An output format is one module of this package. The module's name is the format's
name, and its `open_report(stream, …)` returns a Report. The folder is the list of
formats. Only the chosen module is imported, so no format waits for the libraries of
another. Parts that formats share start with an underscore.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, TextIO, cast, runtime_checkable

from conformance.core.names import instead
from conformance.core.news import News
from conformance.core.result import Result, Run, Verdict
from conformance.report._command import PROGRAM

_ABOUT_SCENARIOS = frozenset({"explain", "listing"})
"""The modules here that render the catalog instead of a run."""


class Report(Protocol):
    """Renders one run while it happens. `begin` is called first, `end` last."""

    def begin(self, total: int, daemons: Sequence[str], planned: Sequence[str] = ()) -> None:
        """Announce the results to come; called once.

        total: how many. daemons: of which daemons. planned: their ids
        (`daemon/variant/scenario`) in the order that a report shows. Without `planned` a
        report that has an order waits for the end.
        """

    def result(self, result: Result) -> None:
        """One scenario was judged. Called once for each result, in any order."""

    def notice(self, text: str) -> None:
        """A line that is not a result: a build starts, a file cannot be read."""

    def end(self, run: Run) -> None:
        """The run is over; `run.results` are those that `result` was called with."""


@runtime_checkable
class Live(Protocol):
    """A Report that shows also what happens between two Results."""

    def news(self, news: Sequence[News]) -> None:
        """Take what has happened since the last call, perhaps nothing.

        Called several times a second between `begin` and `end`, from a thread of its own.
        """


class OpenReport(Protocol):
    """What a format's module offers as `open_report`."""

    def __call__(
        self,
        stream: TextIO,
        *,
        color: bool | None = None,
        strict: bool = False,
        program: str = PROGRAM,
    ) -> Report:
        """Make a report that writes to `stream`.

        color: None leaves it to the stream and the environment (NO_COLOR, FORCE_COLOR).
        strict: a warning counts as red, as in Run.strict.
        program: how the user calls `conformance`, for the commands that a report offers.
        """


def formats() -> tuple[str, ...]:
    """The names of the output formats, sorted."""
    return tuple(
        sorted(
            module.name
            for module in pkgutil.iter_modules(__path__)
            if not module.name.startswith("_") and module.name not in _ABOUT_SCENARIOS
        )
    )


def load(name: str) -> OpenReport:
    """Import the output format of this name; LookupError names the nearest valid one."""
    valid = formats()
    if name not in valid:
        raise LookupError(f"no output format {name!r}; {instead(name, valid)}")
    return cast(OpenReport, import_module(f"{__name__}.{name}").open_report)


def shows_records(name: str) -> bool:
    """Whether this format shows the records, also of passes: its module sets `RECORDS`."""
    return bool(getattr(import_module(load(name).__module__), "RECORDS", False))


def replay(report: Report, run: Run) -> None:
    """Render a whole run that is over."""
    daemons = list(dict.fromkeys(result.daemon for result in run.results))
    report.begin(run.planned, daemons, [result.id for result in run.results])
    for notice in run.notices:
        report.notice(notice)
    for result in run.results:
        report.result(result)
    report.end(run)


def exit_status(run: Run) -> int:
    """0 when the run is green, else 1.

    A run is green when all planned results exist, one of them is not a skip, and none is
    red. A run without results, or with skips only, has shown nothing.
    """
    whole = len(run.results) >= run.planned
    judged = any(each.verdict is not Verdict.SKIP for each in run.results)
    return 0 if whole and judged and not run.red else 1
