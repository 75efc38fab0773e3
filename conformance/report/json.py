"""One versioned JSON document, described by docs/results.schema.json.

A new optional member keeps the version. A member that changes its meaning or is removed
raises it. The document is written in one piece when the run ends, because half a
document cannot be parsed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, TextIO

from conformance.core.result import Result, Run, Verdict
from conformance.report import exit_status
from conformance.report._command import PROGRAM, repeat

VERSION = 1


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Json:
    """The document on `stream`, without colour; the document itself says whether it is strict."""
    del color, strict
    return Json(stream, program)


class Json:
    """A Report as one JSON document."""

    def __init__(self, stream: TextIO, program: str) -> None:
        self._stream, self._program = stream, program
        self._notices: list[str] = []

    def begin(self, total: int, daemons: Sequence[str], planned: Sequence[str] = ()) -> None:
        """Do nothing: the document is written at the end."""

    def result(self, result: Result) -> None:
        """Do nothing: `end` receives all results."""

    def notice(self, text: str) -> None:
        """Keep it for the document."""
        self._notices.append(text)

    def end(self, run: Run) -> None:
        """Write the document."""
        text = json.dumps(
            document(run, notices=self._notices, program=self._program),
            indent=2,
            ensure_ascii=False,
            allow_nan=False,
        )
        # A lone surrogate cannot be encoded as UTF-8; its escape is valid JSON.
        self._stream.write(text.encode(errors="backslashreplace").decode() + "\n")
        self._stream.flush()


def document(run: Run, *, notices: Sequence[str], program: str) -> dict[str, Any]:
    """The document as JSON types."""
    counts = Counter(each.verdict for each in run.results)
    return {
        "version": VERSION,
        "suite": run.version,
        "started": run.started,
        "duration": run.duration,
        "strict": run.strict,
        "green": exit_status(run) == 0,
        "planned": run.planned,
        "counts": {each.value: counts[each] for each in Verdict},
        "calibration": run.calibration,
        "notices": list(notices),
        "results": [{**each.to_json(), "repeat": repeat(each, program)} for each in run.results],
    }
