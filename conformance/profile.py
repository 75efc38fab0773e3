"""What ties a profile's client and catalog together: how one scenario is played.

A profile's player is given a scenario and a stage (a started daemon, the mock
API, the machine's pace) and comes back with a judgement: the checks that
failed and what was seen. It raises only when the suite itself is broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from conformance.client.bench import Bench
from conformance.client.exchange import ExchangeFailed
from conformance.result import FailedCheck
from conformance.scenario import Actor, Scenario
from conformance.stage import Stage

if TYPE_CHECKING:
    from conformance.client.chat import ChatBench


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
    except ProcessLookupError:
        if not bench.died():
            raise
    finally:
        bench.release()
    failures = bench.failures
    return Judgement(failures, await bench.evidence() if failures else "")


async def play_chat(scenario: Scenario, stage: Stage) -> Judgement:
    """Play the client of a chat backend, over a WebSocket."""
    # The library for it takes 50 ms to import, and most runs have no use for it.
    from conformance.client.chat import ChatFailed  # noqa: PLC0415

    bench = _bench(scenario.profile)(scenario, stage)
    try:
        if scenario.actor is Actor.CHAT:
            async with bench.connect() as chat:
                await scenario.function(chat)
        else:
            await scenario.function(bench)
    except ChatFailed:
        pass  # noted in the bench's failures
    except ProcessLookupError:
        if not bench.died():
            raise
    finally:
        await bench.aclose()
    failures = bench.failures
    return Judgement(failures, await bench.evidence() if failures else "")


def _bench(profile: str) -> type[ChatBench]:
    """The bench of a profile: the one in client/ that speaks its messages."""
    module = import_module(f"conformance.client.{profile.replace('-', '_')}")
    bench: type[ChatBench] = module.BENCH
    return bench


PLAYERS: Mapping[str, Player] = {
    "handoff": play_handoff,
    **dict.fromkeys(("rpc-chat", "agent-chat", "spaces"), play_chat),
}
"""How each profile's scenarios are played."""

AT_A_TIME: Mapping[str, int] = {"handoff": 24, "spaces": 12}
"""Scenarios of one instance that begin at a time. All at once would take as long in total, and each
so much longer that it came near its deadline; and a website spends 20 ms of its processor on each
password that it checks."""
