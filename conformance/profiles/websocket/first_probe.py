"""The first probe of a chat backend that is served already: is the mock API its model?"""

from __future__ import annotations

from collections.abc import Mapping

from conformance.core.finding import ScenarioStopped
from conformance.core.quoting import excerpt
from conformance.daemon.failures import WiringError
from conformance.profiles.websocket.bench import ChatBench
from conformance.profiles.websocket.model import prompts

PATIENCE = 5.0
"""Seconds until the model must have been asked, on a calm machine."""


async def probe(bench: ChatBench) -> Mapping[str, tuple[str, ...]]:
    """Ask the backend once, where the mock API is its model; shows no capability.

    Raises WiringError.
    """
    served = bench.environment.manifest.served
    if not bench.model.mocked or served is None:
        return {}

    def error(problem: str, fix: str) -> WiringError:
        return WiringError(f"the backend at {served.where} {problem}; {fix}")

    upstream = bench.upstream
    earlier = max((entry.id for entry in await upstream.since(0)), default=0)
    try:
        async with bench.connect() as chat:
            await chat.begin()
            await chat.prepare()
            token = await chat.prompt(pattern="short")
            within = PATIENCE * bench.environment.scale
            entries = await upstream.wait(token, state="received", within=within, brief=True)
    except ScenarioStopped as stopped:
        finding = stopped.finding
        fix = "correct --url or --profile, or start it first"
        problem = f"cannot be talked to: expected {finding.expected}, found {finding.actual}"
        raise error(problem, fix) from None
    if entries:
        return {}
    asked = [entry for entry in await upstream.since(earlier) if entry.method == "POST"]
    if not asked:
        base = upstream.addresses.http
        problem = f"does not use the mock API: it was not asked within {within:g} s"
        raise error(problem, f"configure {base} as its model's API, and restart it")
    arrived = excerpt((prompts(asked[-1]) or [""])[-1])
    problem = f"asks the mock API, and the pattern does not arrive (it sends {arrived})"
    raise error(problem, "it must pass the user's message on as it is")
