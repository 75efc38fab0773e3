"""Markdown for a summary, such as the step summary of GitHub Actions.

At most 60 lines, the causes of what is red first. The text of daemons stands in code spans
only, in which Markdown and HTML have no meaning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TextIO

from conformance.core.result import Run, Verdict
from conformance.report import exit_status
from conformance.report._at_end import AtEnd
from conformance.report._cause import causes
from conformance.report._command import PROGRAM, repeat
from conformance.report._printable import one_line

LINES = 60
"""Lines of the summary at most."""

_CAUSES = 12
_DAEMONS = 16

_LONGEST = 160
"""Characters of a code span."""


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Markdown:
    """Markdown on `stream`."""
    del color, strict
    return Markdown(stream, program)


class Markdown(AtEnd):
    """A Report as a summary in Markdown, written when the run ends."""

    def __init__(self, stream: TextIO, program: str) -> None:
        self._stream, self._program = stream, program

    def end(self, run: Run) -> None:
        """Write the summary."""
        lines = [*_head(run), *self._causes(run), *_daemons(run)]
        for line in islice(lines, LINES):
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def _causes(self, run: Run) -> Iterator[str]:
        found = causes(run.red)
        if not found:
            return
        yield "### What is red"
        yield ""
        for number, cause in enumerate(found[:_CAUSES], 1):
            shown = cause.shown
            more = f" and {len(cause.results) - 1} more" if len(cause.results) > 1 else ""
            yield f"{number}. {_code(cause.name)} in {_code(shown.id)}{more}  "
            if cause.failed is not None:
                yield f"   {_code(cause.failed.actual)}  "
            if shown.repeat:
                yield f"   {_code(repeat(shown, self._program))}"
        if len(found) > _CAUSES:
            yield f"\nand {len(found) - _CAUSES} more causes".strip()
        yield ""


def _head(run: Run) -> Iterator[str]:
    green = exit_status(run) == 0
    counts = Counter(result.verdict for result in run.results)
    shown = ", ".join(f"{counts[each]} {each.value}" for each in Verdict if counts[each])
    yield f"## Stream conformance: {'🟢 green' if green else '🔴 red'}"
    yield ""
    yield f"{shown or 'no scenario was judged'} in {run.duration:.1f} s, suite {run.version}"
    if len(run.results) < run.planned:
        yield f"**Cut short: {run.planned - len(run.results)} scenarios were not judged.**"
    yield ""


def _daemons(run: Run) -> Iterator[str]:
    """A table of the daemons, the red ones first."""
    numbers: dict[str, Counter[Verdict]] = {}
    for result in run.results:
        numbers.setdefault(result.daemon, Counter())[result.verdict] += 1
    red = Counter(result.daemon for result in run.red)
    shown = [each for each in Verdict if any(count[each] for count in numbers.values())]
    yield f"| daemon | {' | '.join(each.value for each in shown)} |"
    yield f"|---|{'---:|' * len(shown)}"
    for name in sorted(numbers, key=lambda each: -red[each])[:_DAEMONS]:
        cells = [str(numbers[name][each] or "") for each in shown]
        yield f"| {_code(name)} | {' | '.join(cells)} |"
    if len(numbers) > _DAEMONS:
        yield f"\nand {len(numbers) - _DAEMONS} more daemons".strip()


def _code(text: str) -> str:
    """The text as a code span, also inside a table."""
    shown = one_line(text).replace("`", "'").replace("|", "¦")
    return f"`{shown[:_LONGEST] + '…' if len(shown) > _LONGEST else shown or ' '}`"
