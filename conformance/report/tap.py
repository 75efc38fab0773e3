"""Flat TAP 13, written through tap.py: one line for each daemon/variant/scenario."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from tap.tracker import Tracker  # type: ignore[import-untyped]

from conformance.core.result import Result, Run
from conformance.report._command import PROGRAM
from conformance.report._order import InOrder
from conformance.report._point import bail_out, point
from conformance.report._printable import one_line, printable


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Tap:
    """TAP on `stream`, without colour."""
    del color
    return Tap(stream, strict=strict, program=program)


class Tap:
    """A Report as flat TAP. The plan stands first, so that readers detect a run cut short."""

    def __init__(self, stream: TextIO, *, strict: bool, program: str) -> None:
        self._stream = stream
        self._strict, self._program = strict, program
        self._heading = ""

    def begin(self, total: int, daemons: Sequence[str], planned: Sequence[str] = ()) -> None:
        """Write version and plan."""
        self._order = InOrder(daemons, planned)
        self._tracker = Tracker(streaming=True, stream=self._stream, header=False, plan=total)
        self._stream.flush()

    def result(self, result: Result) -> None:
        """Write the points that are next in the plan."""
        for ready in self._order.add(result):
            self._write(ready)

    def notice(self, text: str) -> None:
        """Write a comment."""
        for line in printable(text).splitlines():
            self._comment(line)

    def end(self, run: Run) -> None:
        """Write the points that are still held, and whether some are missing."""
        for held in self._order.rest():
            self._write(held)
        if len(run.results) < run.planned:
            print(bail_out(run), file=self._stream, flush=True)

    def _write(self, result: Result) -> None:
        """Write the point, under a comment for each variant: tap-spec's headings."""
        heading = f"{result.daemon}/{result.variant}"
        if heading != self._heading:
            self._heading = heading
            self._comment(heading)
        what = point(result, name=result.id, strict=self._strict, program=self._program)
        add = self._tracker.add_ok if what.ok else self._tracker.add_not_ok
        # tap-spec takes the diagnostics of an `ok` for those of the last `not ok`.
        diagnostics = () if what.ok else what.diagnostics
        add(
            result.daemon,
            # In tap.py's own parser even an escaped # ends a name.
            f"- {what.name}".replace("#", "\\x23"),
            directive=what.directive,
            diagnostics="\n".join(f"  {line}" for line in diagnostics) or None,
        )
        if what.ok:
            for failed in result.failures:
                self._comment(
                    f"warning: {failed.check} ({failed.clause} {failed.level}): expected "
                    f"{failed.expected}, found {failed.actual} ({failed.where})"
                )
        self._stream.flush()

    def _comment(self, text: str) -> None:
        print(f"# {one_line(text)}", file=self._stream, flush=True)
