"""One self-contained HTML page: a matrix, the causes, and a page for each case.

The page loads nothing. It must open at once with thousands of cases, so what is seen at
first is a small index, and the rest is compressed: one block for each daemon, variant and
category, because the cases of one category resemble each other. The browser opens a
block when a case of it is looked at.

The text of daemons and APIs reaches the page inside JSON, and from there as text nodes
only. In the JSON of the index, `<` is escaped, so that it cannot end the element.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, TextIO
from urllib.parse import quote

from conformance.core import record
from conformance.core.result import Result, Run, Verdict
from conformance.report import exit_status
from conformance.report._at_end import AtEnd
from conformance.report._cause import causes, headline
from conformance.report._command import PROGRAM, repeat
from conformance.report._printable import printable

RECORDS = True
"""The page shows the records of passes, too."""

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
    '<circle cx="8" cy="8" r="7" fill="{color}"/></svg>'
)


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Html:
    """The page on `stream`."""
    del color, strict
    return Html(stream, program)


class Html(AtEnd):
    """A Report as one HTML page, written when the run ends."""

    def __init__(self, stream: TextIO, program: str) -> None:
        self._stream, self._program = stream, program

    def end(self, run: Run) -> None:
        """Write the page, one block of evidence at a time."""
        groups: dict[tuple[str, str, str], list[Result]] = {}
        numbers: dict[tuple[str, str, str], int] = {}
        places: dict[str, tuple[int, int]] = {}
        for result in run.results:
            key = (result.daemon, result.variant, result.category)
            group = groups.setdefault(key, [])
            places[result.id] = (numbers.setdefault(key, len(numbers)), len(group))
            group.append(result)
        index = _index(run, places)
        green = exit_status(run) == 0
        parts = {
            "title": index["title"],
            "icon": quote(_ICON.format(color="#1a7f37" if green else "#c4232b")),
            "css": _file("page.css"),
            "run": _json(index).replace("<", "\\u003c"),
            "js": _file("page.js"),
        }
        before, after = _file("page.html").split("{{evidence}}")
        self._stream.write(_filled(before, parts))
        for number, group in enumerate(groups.values()):
            block = _json([_detail(result, self._program) for result in group])
            packed = base64.b64encode(zlib.compress(block.encode(), 9)).decode()
            self._stream.write(f'<script type="text/plain" id="e{number}">{packed}</script>\n')
        self._stream.write(_filled(after, parts))
        self._stream.flush()


def _index(run: Run, places: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    """What the page shows at first, and what it filters by."""
    daemons = {each.name: {"name": each.name, "version": each.version} for each in run.daemons}
    about = {(each.profile, each.name): each for each in run.scenarios}
    scenarios: dict[tuple[str, str], dict[str, Any]] = {}
    texts: dict[str, int] = {"": 0}
    red = {result.id for result in run.red}
    rows = []
    for result in run.results:
        daemons.setdefault(result.daemon, {"name": result.daemon, "version": ""})
        key = (result.profile, result.scenario)
        if key not in scenarios:
            described = about.get(key)
            scenarios[key] = {
                "profile": result.profile,
                "name": result.scenario,
                "category": result.category,
                "description": printable(result.description),
                "clauses": result.clauses,
                "source": described.source if described else "",
                "basis": described.basis if described else "",
            }
        says = printable(_says(result, red=result.id in red))
        group, place = places[result.id]
        rows.append(
            (
                list(daemons).index(result.daemon),
                result.variant,
                list(scenarios).index(key),
                result.verdict.value,
                round(result.duration, 3),
                group,
                place,
                texts.setdefault(says, len(texts)),
            )
        )
    counts = Counter(result.verdict for result in run.results)
    numbers = {result.id: number for number, result in enumerate(run.results)}
    names = ", ".join(list(daemons)[:3]) + (" and others" if len(daemons) > 3 else "")
    return {
        "title": names or "no daemon was judged",
        "suite": run.version,
        "started": run.started,
        "duration": run.duration,
        "strict": run.strict,
        "green": exit_status(run) == 0,
        "planned": run.planned,
        "counts": {each.value: counts[each] for each in Verdict},
        "calibration": run.calibration,
        "machine": run.machine,
        "daemons": list(daemons.values()),
        "scenarios": list(scenarios.values()),
        "clauses": _clauses(run),
        "texts": list(texts),
        "results": rows,
        "causes": [
            {
                "name": printable(cause.name),
                "actual": printable(cause.failed.actual) if cause.failed else "",
                "shown": numbers[cause.shown.id],
                "cases": [numbers[result.id] for result in cause.results],
            }
            for cause in causes(run.red)
        ],
    }


def _says(result: Result, *, red: bool) -> str:
    """The line next to a case's name: why it is not a plain pass; empty for one that is."""
    if red or result.failures:
        actual = f": {result.failures[0].actual}" if result.failures else ""
        return f"{headline(result)}{actual}"
    return result.reason


def _clauses(run: Run) -> dict[str, dict[str, tuple[str, str]]]:
    contract: dict[str, dict[str, tuple[str, str]]] = {}
    for clause in run.clauses:
        contract.setdefault(clause.profile, {})[clause.id] = (clause.level, clause.sentence)
    return contract


def _detail(result: Result, program: str) -> dict[str, Any]:
    """What the page of a case shows besides the index."""
    return {
        "reason": printable(result.reason),
        "failures": [
            {
                "check": failed.check,
                "clause": failed.clause,
                "level": failed.level,
                "expected": printable(failed.expected),
                "actual": printable(failed.actual),
                "where": printable(failed.where),
            }
            for failed in result.failures
        ],
        "evidence": printable(result.evidence),
        "repeat": repeat(result, program),
        "record": record.unpack(result.record),
    }


def _filled(template: str, parts: Mapping[str, str]) -> str:
    """The template with each `{{name}}` replaced."""
    return "".join(_pieces(template, parts))


def _pieces(template: str, parts: Mapping[str, str]) -> Iterator[str]:
    for piece in template.split("{{"):
        name, closing, rest = piece.partition("}}")
        yield f"{parts[name]}{rest}" if closing and name in parts else piece


def _file(name: str) -> str:
    return files("conformance.report").joinpath("_html", name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate cannot be encoded as UTF-8; its escape is valid JSON.
    return text.encode(errors="backslashreplace").decode()
