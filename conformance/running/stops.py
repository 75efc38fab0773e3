"""Stops: what became of a variant's shared instances, as one set-up error."""

from __future__ import annotations

from conformance.core.quoting import plural
from conformance.core.result import Setback, SetupError
from conformance.running.group import Stop
from conformance.running.selection import Case

FRESH = 3
"""Fresh instances after the first. A daemon that stops on all of them is not judged further."""

SUSPECTS = 10.0
"""Seconds on a calm machine for playing by themselves the scenarios that ran at a stop."""

NAMED = 6
"""Scenarios that a message names."""


class Stops:
    """The stops of one variant's instances, in order."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._stops: list[tuple[Stop, str]] = []

    def add(self, stop: Stop, log: str) -> None:
        """Take one more stop, with the end of the instance's log."""
        self._stops.append((stop, log))

    @property
    def final(self) -> bool:
        """Whether the rest is not judged: fresh instances stop as well, or would be no use."""
        if not self._stops:
            return False
        last = self._stops[-1][0]
        served = self._case.manifest.served is not None
        useless = last.setback is Setback.ALIKE or not last.answered or served
        return useless or len(self._stops) > FRESH

    @property
    def retried(self) -> bool:
        """Whether the suspects are played by themselves."""
        return bool(self._stops) and (
            not self.final or (self._died and self._stops[-1][0].answered and not self._served)
        )

    @property
    def _died(self) -> bool:
        return self._stops[0][0].setback is Setback.DIED

    @property
    def _served(self) -> bool:
        return self._case.manifest.served is not None

    def error(self) -> SetupError:
        """All of them as one error."""
        (first, log), *others = self._stops
        ran = dict.fromkeys(case.scenario.name for stop, _ in self._stops for case in stop.ran)
        return SetupError(
            self._case.manifest.name,
            self._case.variant.name,
            first.setback,
            f"{self._case.group} {first.how}{self._when(first)}{self._again(len(others))}",
            log=log,
            ran=tuple(ran),
        )

    def _when(self, stop: Stop) -> str:
        if stop.setback is Setback.ALIKE:
            return "; correct this first, or judge the others with --keep-going"
        names = [case.scenario.name for case in stop.ran]
        shown = ", ".join(names[:NAMED])
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        begun = "" if stop.answered else ", and no plain exchange had been answered before"
        return f" while, or just after, {shown}{more} ran{begun}" if names else begun

    def _again(self, others: int) -> str:
        if not others:
            return "" if self.final else "; the rest was judged on a fresh instance"
        rest = "is not judged" if self.final else "was judged on the last"
        return f"; so did {plural(others, 'fresh instance')}; the rest {rest}"
