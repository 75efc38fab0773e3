"""Several reports of one run: at most one on the console, and any number in files."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO, cast

from conformance import report as reports
from conformance.core.news import News
from conformance.core.result import Result, Run
from conformance.report import Live, Report
from conformance.report._command import PROGRAM
from conformance.report._output import Output


@dataclass(frozen=True, slots=True)
class Target:
    """One report that a user asks for: `FORMAT` or `FORMAT=FILE`."""

    format: str
    file: str = ""
    """Empty for the console. A name that ends in `.gz` is written compressed."""

    @classmethod
    def parsed(cls, text: str) -> Self:
        """Read the option's value. Raises LookupError for an unknown format."""
        name, _, file = text.partition("=")
        reports.load(name)
        return cls(name, file)


class Several:
    """A Report that passes everything on to several reports."""

    def __init__(self, targets: Iterable[Target], *, strict: bool, program: str = PROGRAM) -> None:
        """Open the files. Raises LookupError or OSError, with the option's fix in words."""
        self.targets = tuple(targets)
        console = [target.format for target in self.targets if not target.file]
        if len(console) > 1:
            raise LookupError(
                f"expected one report on the console, found {' and '.join(console)}; "
                f"write the others to files: --report {console[-1]}=FILE"
            )
        self._stack = ExitStack()
        self._reports: list[Report] = []
        self._outputs: list[Output] = []
        for target in self.targets:
            opener = reports.load(target.format)
            stream = _opened(target.file) if target.file else sys.stdout
            output = Output(stream, target.file or "stdout")
            if target.file:
                self._stack.callback(output.close)
            self._outputs.append(output)
            self._reports.append(opener(cast(TextIO, output), strict=strict, program=program))

    @property
    def on_console(self) -> bool:
        """Whether one of them writes to the console."""
        return not all(target.file for target in self.targets)

    @property
    def abandoned(self) -> bool:
        """Whether the reader of the console has gone, and there is no report but this."""
        return any(output.abandoned for output in self._outputs) and len(self._outputs) == 1

    @property
    def lost(self) -> tuple[str, ...]:
        """Why parts of reports are lost, and what to do."""
        return tuple(output.lost for output in self._outputs if output.lost)

    @property
    def whole(self) -> bool:
        """Whether one of them shows the record of passes, too."""
        return any(reports.shows_records(target.format) for target in self.targets)

    def begin(self, total: int, daemons: Sequence[str], planned: Sequence[str] = ()) -> None:
        """Announce the results to come."""
        for report in self._reports:
            report.begin(total, daemons, planned)

    def result(self, result: Result) -> None:
        """Pass a result on."""
        for report in self._reports:
            report.result(result)

    def news(self, news: Sequence[News]) -> None:
        """Pass what has happened on to the reports that show it."""
        for report in self._reports:
            if isinstance(report, Live):
                report.news(news)

    def notice(self, text: str) -> None:
        """Pass a line on."""
        for report in self._reports:
            report.notice(text)

    def end(self, run: Run) -> None:
        """Finish every report, and close the files."""
        with self._stack:
            for report in self._reports:
                report.end(run)


def _opened(file: str) -> TextIO:
    """Open a report's file for writing. Raises OSError that names the fix."""
    try:
        if file.endswith(".gz"):
            return cast(TextIO, gzip.open(file, "wt", encoding="utf-8", compresslevel=6))
        return Path(file).open("w", encoding="utf-8")
    except OSError as error:
        raise OSError(
            f"expected a file that can be written, found {file} ({error.strerror}); "
            "name another one, as in --report json=run.json"
        ) from None
