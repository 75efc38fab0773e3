"""What ties a profile's client and catalog together: how one scenario is played.

A profile's player is given a scenario and a stage (a started daemon, the mock
API, the machine's pace) and comes back with a judgement: the checks that
failed and what was seen. It raises only when the suite itself is broken.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from conformance.client.exchange import Exchange, ExchangeFailed
from conformance.daemon.instance import Instance
from conformance.daemon.manifest import Manifest, Variant
from conformance.result import FailedCheck
from conformance.scenario import Scenario
from conformance.transcript_text import evidence_text
from conformance.upstream import Upstream

PROMPT = "Tell me a story in eighteen words."


@dataclass(frozen=True, slots=True)
class Stage:
    """Where scenarios are played: one started daemon and what surrounds it."""

    instance: Instance
    upstream: Upstream
    manifest: Manifest
    variant: Variant
    scale: float
    """By how much time bounds are stretched on this machine, now."""


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
    """One exchange by handoff; its upstream request must show that the pattern was applied."""
    token = secrets.token_hex(8)
    exchange = Exchange(
        path=stage.instance.socket,
        socket_type=stage.instance.socket_type,
        payload=payload(scenario, stage, token),
        token=token,
        upstream=stage.upstream,
        deadline=time.monotonic() + scenario.deadline * stage.scale,
        scale=stage.scale,
    )
    async with exchange:
        try:
            await exchange.start()
            if scenario.live:
                await scenario.function(exchange)
                (await exchange.response()).applied(scenario.pattern)
            else:
                scenario.function((await exchange.response()).applied(scenario.pattern))
        except ExchangeFailed:
            pass  # noted in the exchange's failures
        failures = tuple(exchange.failures)
        evidence = evidence_text(await exchange.finish()) if failures else ""
    return Judgement(failures, evidence)


def payload(scenario: Scenario, stage: Stage, token: str) -> Mapping[str, Any]:
    """The scenario's handoff data, with the token where this daemon can pass it on.

    A pattern travels in `test_pattern`, unless the daemon's manifest declares
    `pattern = "model"` or `pattern = "prompt"`. A scenario without a pattern
    sends no `test_pattern` at all; its token stands in the prompt.
    """
    data = {"prompt": PROMPT, **scenario.request}
    pattern = f"{scenario.pattern or ''};t={token}"
    if scenario.pattern is None or stage.manifest.declares("pattern=prompt", stage.variant):
        return {**data, "prompt": f"{data['prompt']} [[test:{pattern}]]"}
    if stage.manifest.declares("pattern=model", stage.variant):
        return {**data, "model": f"test:{pattern}"}
    return {**data, "test_pattern": pattern}


PLAYERS: Mapping[str, Player] = {"handoff": play_handoff}
"""How each profile's scenarios are played."""
