"""A queue that releases results in the order of the plan.

Daemons are judged at the same time, but the documents of two runs must be comparable
line by line. A result is held until every result before it has arrived, and no longer:
the document grows while the run does. The results of a daemon stand together; daemons
stand in the order of the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.core.result import Result


class InOrder:
    """Takes results in any order and releases them in the planned order."""

    def __init__(self, daemons: Sequence[str], planned: Sequence[str]) -> None:
        place = {name: at for at, name in enumerate(daemons)}
        self._daemons = place
        self._turns = sorted(planned, key=lambda each: place.get(each.split("/")[0], len(place)))
        self._next = 0
        self._waiting: dict[str, Result] = {}

    def add(self, result: Result) -> Iterator[Result]:
        """Take one result; the results that can be released now."""
        self._waiting[result.id] = result
        while self._next < len(self._turns) and self._turns[self._next] in self._waiting:
            yield self._waiting.pop(self._turns[self._next])
            self._next += 1

    def rest(self) -> list[Result]:
        """What is still held at the end of the run; results outside the plan come last."""
        turns = {name: at for at, name in enumerate(self._turns)}
        last = len(turns)

        def turn(result: Result) -> tuple[int, int]:
            return self._daemons.get(result.daemon, len(self._daemons)), turns.get(result.id, last)

        rest = sorted(self._waiting.values(), key=turn)
        self._waiting.clear()
        return rest
