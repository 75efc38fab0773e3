"""One way to check: what a chat and an HTTP user note about the daemon.

A finding names a clause only where the scenario's first clause is not the one
that is broken. Where the profile decides that, the finding has a kind, and the
profile's `blame` table maps the kind to a clause.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from conformance.core.finding import Finding, FindingKind, ScenarioStopped
from conformance.core.quoting import excerpt

Note = Callable[[Finding], Finding]
"""Notes a finding, and returns it."""

OWN = ""
"""As a clause: the scenario's first one, where a method would name another by itself."""

LONGEST = 300
"""Characters of a value in a report; a longer one is cut in the middle."""


class Checking:
    """Checks one peer, and notes what does not hold."""

    def __init__(self, note: Note) -> None:
        self.held: dict[str, None] = {}
        """The names of the checks that held, in order."""
        self._note = note

    def check(
        self,
        holds: bool,
        name: str,
        *,
        expected: str,
        actual: object,
        clause: str | None = None,
        kind: FindingKind | None = None,
    ) -> bool:
        """Note a finding unless it holds; return whether it does.

        actual: text, or a value that is shown as JSON. clause: the broken one, where it is
        not the scenario's first. kind: instead of a clause, for the profile's `blame` table.
        """
        if holds:
            self.held[name] = None
        else:
            self.failed(name, expected=expected, actual=actual, clause=clause, kind=kind)
        return holds

    def require(
        self,
        holds: bool,
        name: str,
        *,
        expected: str,
        actual: object,
        clause: str | None = None,
        kind: FindingKind | None = None,
    ) -> None:
        """Check, and end the scenario unless it holds. Raises ScenarioStopped."""
        if not holds:
            raise self.failed(name, expected=expected, actual=actual, clause=clause, kind=kind)
        self.held[name] = None

    def failed(
        self,
        name: str,
        *,
        expected: str,
        actual: object,
        clause: str | None = None,
        kind: FindingKind | None = None,
    ) -> ScenarioStopped:
        """Note a finding; the exception that ends the scenario with it."""
        finding = Finding(name, expected, shown(actual), self.where(actual), clause or None, kind)
        return ScenarioStopped(self._note(finding))

    def where(self, actual: object) -> str:
        """The place of a finding, for the report."""
        raise NotImplementedError


def shown(value: object) -> str:
    """A value as a report shows it: JSON values as JSON, others as text, cut if long."""
    if value is None or isinstance(value, bool | int | float | list | tuple | dict):
        text = json.dumps(value, ensure_ascii=False, default=str)
    else:
        text = str(value)
    return text if len(text) <= LONGEST and text.isprintable() else excerpt(text, LONGEST)
