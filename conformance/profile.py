"""What ties a profile's client and catalog together: how one scenario is played.

A profile's player is given a scenario and a stage (a started daemon, the mock
API, the machine's pace) and comes back with a judgement: the checks that
failed and what was seen. It raises only when the suite itself is broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from conformance.client.bench import Bench
from conformance.client.exchange import ExchangeFailed
from conformance.result import FailedCheck
from conformance.scenario import Actor, Scenario
from conformance.stage import Stage


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of a scenario."""

    failures: tuple[FailedCheck, ...]
    evidence: str
    """What was seen, for a human; rendered only where something failed."""


class Player(Protocol):
    """Plays one scenario of a profile."""

    async def __call__(self, scenario: Scenario, stage: Stage) -> Judgement:
        """Play it, always within its deadline."""
        ...


async def play_handoff(scenario: Scenario, stage: Stage) -> Judgement:
    """Play a client that was handed off; of a single exchange, the pattern must be applied."""
    bench = Bench(scenario, stage)
    try:
        pattern = await bench.pattern()
        match scenario.actor:
            case Actor.RESPONSE:
                scenario.function(await bench.respond(pattern=pattern, request=scenario.request))
            case Actor.EXCHANGE:
                async with bench.exchange(pattern=pattern, request=scenario.request) as exchange:
                    await exchange.start()
                    await scenario.function(exchange)
                    await exchange.applied(pattern)
            case Actor.BENCH:
                await scenario.function(bench)
    except ExchangeFailed:
        pass  # noted in the exchange's failures
    finally:
        bench.release()
    failures = bench.failures
    return Judgement(failures, await bench.evidence() if failures else "")


PLAYERS: Mapping[str, Player] = {"handoff": play_handoff}
"""How each profile's scenarios are played."""
