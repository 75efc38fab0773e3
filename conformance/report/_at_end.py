"""A Report that is written when the run ends: it needs nothing of what comes before."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.core.result import Result


class AtEnd:
    """What such a Report does before `end`, which its class adds."""

    def begin(self, total: int, daemons: Sequence[str], planned: Sequence[str] = ()) -> None:
        """Do nothing: the run has the names of its daemons."""

    def result(self, result: Result) -> None:
        """Do nothing: `end` receives all results."""

    def notice(self, text: str) -> None:
        """Do nothing: such a report is about results."""
