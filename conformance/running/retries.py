"""Second tries: a failure that timing alone could explain is retried once.

A time bound can fail because the suite was late, or because the daemon waited for a
processor. Such a result is inconclusive. The case is played again after all others.
If the machine is late again, the verdict is `error`: the suite could not judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conformance.core.finding import FLOOD
from conformance.core.result import Result, Verdict
from conformance.profiles.registry import profile_named
from conformance.running.canary import MINUTE
from conformance.running.lateness import Lateness
from conformance.running.selection import Case
from conformance.timing.loop_lag import TOO_MUCH, LoopLag

LONG = 2.0
"""Seconds. Scenarios wait at least this long under a clause without a time limit."""

SECOND_TRIES = 30.0
"""Seconds for all second tries of a variant, so that a daemon that hangs everywhere does not
double the length of the run."""


def late(
    result: Result, watch: Lateness, lag: LoopLag, *, prompt: bool, timeless: bool = False
) -> float:
    """Seconds by which the machine was late, where that may be why the result is red; else 0.

    One late moment breaks a time limit. A long wait can fail because the suite, or the
    daemon, waited a little for a processor many times: those waits are added up. An
    exchange that is open after a minute is not a matter of time.
    timeless: whether a finding cannot be the machine's.
    prompt: whether the canary was answered promptly meanwhile; a long wait was then the daemon's.
    """
    if not result.verdict.red or watch.seconds > MINUTE or timeless:
        return 0.0
    if any(check.check == FLOOD for check in result.failures):
        return 0.0
    timed = profile_named(result.profile).timed
    latest = lag.latest_since(watch.began)
    if latest and result.failures and {check.clause for check in result.failures} <= timed:
        return latest
    waited = watch.seconds >= LONG and watch.lost >= TOO_MUCH * watch.seconds
    return watch.lost if waited and not prompt else 0.0


class Retries:
    """The inconclusive results of one group of cases."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._first: dict[str, tuple[Case, Result]] = {}

    def settled(self, case: Case, result: Result, late: float) -> Result | None:
        """The Result to publish; None for one that is inconclusive and gets a second try."""
        _, first = self._first.get(case.id, (case, None))
        if late and self._enabled:
            tries = "once" if first is None else "twice"
            why = f"inconclusive: tried {tries}, and the machine was {late:.2f} s late"
            result = replace(result, reason=why)
            if first is not None:
                return replace(result, verdict=Verdict.ERROR)
            self._first[case.id] = case, result
            return None
        if first is not None and not result.reason:
            return replace(result, reason=f"second try; the first was {first.reason}")
        return result

    def __iter__(self) -> Iterator[tuple[Case, Result]]:
        """The cases for a second try, with the result of the first."""
        return iter(tuple(self._first.values()))

    def __bool__(self) -> bool:
        return bool(self._first)


def unretried(result: Result) -> Result:
    """The Result of a first try whose second try does not fit into SECOND_TRIES."""
    why = f"{result.reason}, and second tries of others have taken {SECOND_TRIES:g} s"
    return replace(result, verdict=Verdict.ERROR, reason=why)
