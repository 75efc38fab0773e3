"""Results in one order, whatever order they come in.

Daemons are judged side by side, yet two runs must give documents that can be
compared line by line. Each result is held back until all that stand before it
in the plan have come, and no longer: the document still grows while the run
does. A daemon's results stand together, daemons in the order of the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conformance.core.result import Result


class InOrder:
    """Takes results in any order and gives them back in the order planned."""

    def __init__(self, daemons: Sequence[str], planned: Sequence[str]) -> None:
        place = {name: at for at, name in enumerate(daemons)}
        self._daemons = place
        self._turns = sorted(planned, key=lambda each: place.get(each.split("/")[0], len(place)))
        self._next = 0
        self._waiting: dict[str, Result] = {}

    def add(self, result: Result) -> Iterator[Result]:
        """Take one, and give those whose turn it has become."""
        self._waiting[result.id] = result
        while self._next < len(self._turns) and self._turns[self._next] in self._waiting:
            yield self._waiting.pop(self._turns[self._next])
            self._next += 1

    def rest(self) -> list[Result]:
        """What is still held when no more will come; results nobody planned come last."""
        turns = {name: at for at, name in enumerate(self._turns)}
        last = len(turns)

        def turn(result: Result) -> tuple[int, int]:
            return self._daemons.get(result.daemon, len(self._daemons)), turns.get(result.id, last)

        rest = sorted(self._waiting.values(), key=turn)
        self._waiting.clear()
        return rest
