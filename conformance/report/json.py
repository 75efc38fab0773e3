"""One versioned JSON document, described by docs/results.schema.json.

It holds everything that the other formats show, so `conformance report` renders each of
them from it later. A new optional member keeps the version. A member that changes its
meaning or is removed raises it. The document is written when the run ends, because half a
document cannot be parsed; each result stands on one line.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from conformance.core import record
from conformance.core.result import About, Judged, Result, Run, Sentence, Verdict
from conformance.report import exit_status
from conformance.report._at_end import AtEnd
from conformance.report._command import PROGRAM, repeat

VERSION = 2

RECORDS = True
"""The document has the records of passes, too."""


class DocumentError(ValueError):
    """A file is not the JSON document of a run; the message names it and the mistake."""


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Json:
    """The document on `stream`, without colour; the document itself says whether it is strict."""
    del color, strict
    return Json(stream, program)


class Json(AtEnd):
    """A Report as one JSON document."""

    def __init__(self, stream: TextIO, program: str) -> None:
        self._stream, self._program = stream, program
        self._notices: list[str] = []

    def notice(self, text: str) -> None:
        """Keep it for the document."""
        self._notices.append(text)

    def end(self, run: Run) -> None:
        """Write the document, one result at a time: records are large when unpacked."""
        head = _dumped(_head(run, notices=self._notices))
        self._stream.write(f'{head[:-1]},\n"results":[')
        for number, result in enumerate(run.results):
            self._stream.write(",\n" if number else "\n")
            self._stream.write(_dumped(_entry(result, self._program)))
        self._stream.write("\n]}\n")
        self._stream.flush()


def read(path: Path, text: str) -> Run:
    """The run that a document holds. path: of the file, for errors. Raises DocumentError."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise DocumentError(
            f"{path}: expected the JSON of a run ({error}); write one with --report json={path}"
        ) from None
    version = document.get("version") if isinstance(document, dict) else None
    if version != VERSION or "results" not in document:
        raise DocumentError(
            f"{path}: expected a run in JSON version {VERSION}, found version {version!r}; "
            f"write one with --report json={path}"
        )
    try:
        return Run(
            results=tuple(map(_result, document["results"])),
            started=document["started"],
            duration=document["duration"],
            version=document["suite"],
            calibration=document["calibration"],
            strict=document["strict"],
            planned=document["planned"],
            machine=document["machine"],
            daemons=tuple(Judged(**each) for each in document["daemons"]),
            scenarios=tuple(
                About(**{**each, "clauses": tuple(each["clauses"])})
                for each in document["scenarios"]
            ),
            clauses=tuple(Sentence(**each) for each in document["clauses"]),
            notices=tuple(document["notices"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DocumentError(
            f"{path}: expected a whole run in JSON version {VERSION}, found one without "
            f"{error}; write it again with --report json={path}"
        ) from None


def _head(run: Run, *, notices: Sequence[str]) -> dict[str, Any]:
    """Every member of the document except the results."""
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
        "machine": run.machine,
        "daemons": list(map(asdict, run.daemons)),
        "scenarios": list(map(asdict, run.scenarios)),
        "clauses": list(map(asdict, run.clauses)),
    }


def _entry(result: Result, program: str) -> dict[str, Any]:
    """One result; its record stands in it unpacked."""
    return {
        **result.to_json(),
        "repeat": repeat(result, program),
        "record": record.unpack(result.record),
    }


def _result(entry: dict[str, Any]) -> Result:
    """The inverse of _entry."""
    kept = entry["record"]
    return Result.from_json(
        {
            **entry,
            "repeat": tuple(_arguments(entry["repeat"])),
            "record": "",
        },
        record=b"" if kept == record.empty() else record.pack(kept),
    )


def _arguments(command: str) -> Iterator[str]:
    """What stands after `run` in a command."""
    words = shlex.split(command)
    if "run" in words:
        yield from words[words.index("run") + 1 :]


def _dumped(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    # A lone surrogate cannot be encoded as UTF-8; its escape is valid JSON.
    return text.encode(errors="backslashreplace").decode()
