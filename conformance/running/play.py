"""Play one scenario: what the client and the checks found, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.core.finding import ScenarioStopped
from conformance.core.quoting import STRETCHED, stretched
from conformance.core.record import Json
from conformance.core.result import FailedCheck
from conformance.core.scenario import Scenario
from conformance.profiles.environment import Environment
from conformance.profiles.registry import profile_named


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one scenario found."""

    failures: tuple[FailedCheck, ...]
    evidence: str
    """What was seen, for a human; empty where nothing failed."""
    timeless: bool = False
    """Whether some finding cannot be the machine's; see Finding."""
    record: Json | None = None
    """What was seen of both sides, for a report; None where it was not asked for."""


async def play(
    scenario: Scenario, environment: Environment, *, recorded: bool = False
) -> Judgement:
    """Play the scenario within its deadline. Raises only when the suite itself is broken.

    recorded: whether a pass is recorded, too.
    """
    profile = profile_named(scenario.profile)
    bench = profile.bench(scenario, environment)
    try:
        await bench.play()
    except ScenarioStopped:
        pass  # its finding has been noted
    except ProcessLookupError:
        if not bench.died():
            raise
    finally:
        await bench.aclose()
    failures = tuple(profile.failed_check(finding, scenario) for finding in bench.findings)
    evidence = await bench.evidence() if failures else ""
    if evidence and environment.scale >= STRETCHED:
        bound = stretched(scenario.deadline, environment.scale)
        evidence = f"this machine is slower than a calm one; the deadline was {bound}\n{evidence}"
    record = await bench.recorded() if failures or recorded else None
    timeless = any(finding.timeless for finding in bench.findings)
    return Judgement(failures, evidence, timeless, record)
