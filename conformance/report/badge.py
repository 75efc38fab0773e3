"""A badge for a README, as SVG: how many of the judged scenarios passed."""

from __future__ import annotations

from typing import TextIO

from conformance.core.result import Run, Verdict
from conformance.report import exit_status
from conformance.report._at_end import AtEnd
from conformance.report._command import PROGRAM

LABEL = "stream conformance"

GREEN, RED = "#1a7f37", "#c4232b"

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" \
aria-label="{label}: {message}">
<title>{label}: {message}</title>
<clipPath id="r"><rect width="{width}" height="20" rx="4"/></clipPath>
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#444c56"/>\
<rect x="{left}" width="{right}" height="20" fill="{color}"/></g>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{label_at}" y="14" textLength="{label_width}">{label}</text>
<text x="{message_at}" y="14" textLength="{message_width}">{message}</text></g></svg>
"""


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Badge:
    """The badge on `stream`."""
    del color, strict, program
    return Badge(stream)


class Badge(AtEnd):
    """A Report as one picture, written when the run ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def end(self, run: Run) -> None:
        """Write the badge."""
        self._stream.write(self._rendered(run))
        self._stream.flush()

    def _rendered(self, run: Run) -> str:
        message = passed(run)
        label_width, message_width = round(6.3 * len(LABEL)), round(6.6 * len(message))
        left, right = label_width + 12, message_width + 12
        return _SVG.format(
            label=LABEL,
            message=message,
            color=GREEN if exit_status(run) == 0 else RED,
            width=left + right,
            left=left,
            right=right,
            label_at=left / 2,
            message_at=left + right / 2,
            label_width=label_width,
            message_width=message_width,
        )


def passed(run: Run) -> str:
    """`221/223`: how many of the judged scenarios passed; a warning counts unless it is red."""
    judged = [result for result in run.results if result.verdict is not Verdict.SKIP]
    good = {Verdict.PASS} if run.strict else {Verdict.PASS, Verdict.WARN}
    return f"{sum(result.verdict in good for result in judged)}/{len(judged)}"
