"""The log of GitHub Actions: a group for each variant, and an annotation for each cause.

An annotation points at a file of the repository: at the scenario where it is the user's
own, else at the manifest: its known failure, or the section that starts the daemon.
GitHub shows ten annotations of a step, so what explains most comes first. The runner takes
`::` at the beginning of a line for a command; the text of a daemon never has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from conformance.core.result import About, Judged, Result, Run, Verdict
from conformance.report import exit_status
from conformance.report._cause import Cause, causes, headline
from conformance.report._command import PROGRAM, repeat
from conformance.report._order import InOrder
from conformance.report._printable import one_line

MOST = 10
"""Annotations of one kind that GitHub shows for a step."""


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Github:
    """Workflow commands on `stream`, which must be the step's log."""
    del color
    return Github(stream, strict=strict, program=program)


class Github:
    """A Report as a grouped log with annotations."""

    def __init__(self, stream: TextIO, *, strict: bool, program: str) -> None:
        self._stream, self._strict, self._program = stream, strict, program
        self._group = ""

    def begin(self, total: int, daemons: Sequence[str], planned: Sequence[str] = ()) -> None:
        """Take the order of the results."""
        self._order = InOrder(daemons, planned)
        self._print(f"{total} scenarios on {', '.join(map(_text, daemons))}")

    def result(self, result: Result) -> None:
        """Write the results that are next in the plan, each on a line of its variant's group."""
        for ready in self._order.add(result):
            self._write(ready)

    def notice(self, text: str) -> None:
        """Write it on a line."""
        self._print(_text(text))

    def end(self, run: Run) -> None:
        """Write the results that are still held, and the annotations."""
        for held in self._order.rest():
            self._write(held)
        self._close()
        for cause in causes(run.red)[:MOST]:
            self._annotate("error", run, cause)
        warned = [each for each in run.results if each.verdict is Verdict.WARN]
        for cause in causes(warned if not run.strict else ())[:MOST]:
            self._annotate("warning", run, cause)
        missing = run.planned - len(run.results)
        if missing > 0:
            self._print(f"::error title=cut short::{missing} scenarios were not judged")
        self._print("green" if exit_status(run) == 0 else "red")

    def _write(self, result: Result) -> None:
        group = f"{result.daemon}/{result.variant}"
        if group != self._group:
            self._close()
            self._group = group
            self._print(f"::group::{_text(group)}")
        self._print(f"{result.verdict.value:8} {_text(result.id)}")
        if result.verdict is not Verdict.PASS:
            for line in _lines(result):
                self._print(f"         {_text(line)}")

    def _close(self) -> None:
        if self._group:
            self._print("::endgroup::")

    def _annotate(self, kind: str, run: Run, cause: Cause) -> None:
        shown = cause.shown
        file, line = place(run, shown)
        properties = {"title": f"{cause.name}: {shown.id}"}
        if file:
            properties = {"file": file, "line": str(line), **properties}
        more = len(cause.results) - 1
        lines = [shown.description.partition("\n")[0], *_lines(shown)]
        lines += [f"and {more} more with the same cause"] if more else []
        lines += [repeat(shown, self._program)] if shown.repeat else []
        written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        self._print(f"::{kind} {written}::{'%0A'.join(map(_text, lines))}")

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def place(run: Run, result: Result) -> tuple[str, int]:
    """The file and line that an annotation points at; an empty path where none fits."""
    daemon = next((each for each in run.daemons if each.name == result.daemon), None)
    about = next(
        (
            each
            for each in run.scenarios
            if (each.profile, each.name) == (result.profile, result.scenario)
        ),
        None,
    )
    return _scenario(about) or _manifest(daemon, result) or ("", 1)


def _scenario(about: About | None) -> tuple[str, int] | None:
    """The scenario, where it is declared in the current repository."""
    if about is None:
        return None
    path, _, line = about.source.rpartition(":")
    own = not Path(path).is_absolute() and Path(path).exists()
    return (path, int(line)) if own else None


def _manifest(daemon: Judged | None, result: Result) -> tuple[str, int] | None:
    """The line of the manifest that has to do with the result."""
    if daemon is None or not daemon.manifest:
        return None
    names = {
        f"known_failures.{result.scenario}",
        f"known_failures.{result.variant}/{result.scenario}",
    }
    known = [line for name, line in daemon.lines.items() if name in names]
    built = any(failed.check == "builds" for failed in result.failures)
    section = daemon.lines.get("build" if built else "run", 1)
    return daemon.manifest, known[0] if known else section


def _lines(result: Result) -> Iterator[str]:
    """Why the result is as it is."""
    if result.failures:
        for failed in result.failures:
            yield f"{failed.check} ({failed.clause} {failed.level}): expected {failed.expected}"
            yield f"  found {failed.actual} ({failed.where})"
    elif result.reason or result.verdict.red:
        yield headline(result)


def _text(text: str) -> str:
    """Text of a daemon on one line of the log, or in the message of a command."""
    return one_line(text).replace("::", ":\\x3a").replace("%", "%25")


def _property(text: str) -> str:
    """Text in a property of a command."""
    return _text(text).replace(":", "%3A").replace(",", "%2C")
