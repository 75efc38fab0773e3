"""TAP 14: a subtest for each daemon, a test point for each variant/scenario in it.

The plans of the document and of each subtest are written as soon as they are known. So a
run cut short does not look complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from conformance.core.result import Result, Run
from conformance.report._command import PROGRAM
from conformance.report._order import InOrder
from conformance.report._point import Point, bail_out, point
from conformance.report._printable import one_line, printable

_INDENT = "    "


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Tap14:
    """TAP 14 on `stream`, without colour."""
    del color
    return Tap14(stream, strict=strict, program=program)


class Tap14:
    """A Report as TAP with subtests."""

    def __init__(self, stream: TextIO, *, strict: bool, program: str) -> None:
        self._stream = stream
        self._strict, self._program = strict, program
        self._plans: Mapping[str, int] = {}
        self._daemon: str | None = None
        self._points: list[Point] = []
        self._closed = 0

    def begin(self, total: int, daemons: Sequence[str], planned: Sequence[str] = ()) -> None:
        """Write the version and, where the ids are known, the plan."""
        del total
        self._print("TAP version 14")
        self._order = InOrder(daemons, planned)
        if planned:
            self._plan(each.split("/")[0] for each in planned)

    def result(self, result: Result) -> None:
        """Write the points that are next in the plan."""
        for ready in self._order.add(result):
            self._write(ready)

    def notice(self, text: str) -> None:
        """Write a comment, inside the subtest that is open."""
        for line in printable(text).splitlines():
            self._print(f"{_INDENT if self._daemon else ''}# {line}")

    def end(self, run: Run) -> None:
        """Write the points that are still held, close the last subtest; say what is missing."""
        rest = self._order.rest()
        if not self._plans:
            self._plan(each.daemon for each in rest)
        for result in rest:
            self._write(result)
        self._close()
        if len(run.results) < run.planned:
            self._print(bail_out(run))

    def _plan(self, daemons: Iterable[str]) -> None:
        """Set the plans from the daemon of each result to come."""
        self._plans = Counter(daemons)
        self._print(f"1..{len(self._plans)}")

    def _write(self, result: Result) -> None:
        if result.daemon != self._daemon:
            self._close()
            self._daemon = result.daemon
            self._print(f"# Subtest: {_escape(result.daemon)}")
            self._print(f"{_INDENT}1..{self._plans.get(result.daemon, 0)}")
        what = point(
            result,
            name=f"{result.variant}/{result.scenario}",
            strict=self._strict,
            program=self._program,
        )
        self._points.append(what)
        self._print(_INDENT + _line(what, len(self._points)))
        for line in what.diagnostics:
            self._print(f"{_INDENT}  {line}")

    def _close(self) -> None:
        """Close the open subtest: ok when all its points exist and none failed."""
        if self._daemon is None:
            return
        self._closed += 1
        directives = {each.directive for each in self._points}
        skipped = len(directives) == 1 and all("SKIP" in each for each in directives)
        whole = Point(
            ok=len(self._points) == self._plans.get(self._daemon)
            and all(each.ok or each.directive.startswith("TODO") for each in self._points),
            name=self._daemon,
            directive=directives.pop() if skipped else "",
            diagnostics=(),
        )
        self._print(_line(whole, self._closed))
        self._daemon = None
        self._points = []

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def _line(what: Point, number: int) -> str:
    directive = f" # {_escape(what.directive)}" if what.directive else ""
    return f"{'ok' if what.ok else 'not ok'} {number} - {_escape(what.name)}{directive}"


def _escape(text: str) -> str:
    """Escape # and backslash, which are special everywhere on a line of TAP 14."""
    return one_line(text).replace("\\", "\\\\").replace("#", "\\#")
