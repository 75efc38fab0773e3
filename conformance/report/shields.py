"""JSON for a badge that shields.io draws (its endpoint schema, version 1)."""

from __future__ import annotations

import json
from typing import TextIO

from conformance.core.result import Run
from conformance.report import exit_status
from conformance.report._command import PROGRAM
from conformance.report.badge import GREEN, LABEL, RED, Badge, passed


def open_report(
    stream: TextIO, *, color: bool | None = None, strict: bool = False, program: str = PROGRAM
) -> Shields:
    """The JSON on `stream`."""
    del color, strict, program
    return Shields(stream)


class Shields(Badge):
    """A Report as the data of a badge."""

    def _rendered(self, run: Run) -> str:
        green = exit_status(run) == 0
        badge = {
            "schemaVersion": 1,
            "label": LABEL,
            "message": passed(run),
            "color": GREEN if green else RED,
            "isError": not green,
        }
        return json.dumps(badge) + "\n"
