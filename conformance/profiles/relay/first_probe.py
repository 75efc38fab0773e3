"""The first probe of a daemon that is served already: is it wired to the mock API?

One exchange tells apart: the daemon cannot be reached, it refuses the client, it does not
use the mock API, the pattern does not arrive. Each is one error with the fix, in place of
a red line for every scenario. A probe that succeeds finds capabilities that a manifest
would declare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from conformance.core.evidence import JournalEntry, Observation, Response
from conformance.core.finding import ScenarioStopped
from conformance.core.quoting import excerpt
from conformance.core.script import Script, done, finish, script, write
from conformance.daemon.failures import WiringError
from conformance.profiles.relay.bench import RelayBench

BODY = (
    b": a comment\n\n"
    b'data:{ "choices": [ { "delta": { "content": "Hello" }, "index": 0 } ],\n'
    b'data: "id": "chatcmpl-1", "object": "chat.completion.chunk" }\n\n'
)
"""An event as no SDK writes it: only a daemon that passes bytes on sends it on so."""

PROBE: Script = script(write(BODY), finish("stop"), done())

WAYS = {
    "header": "the header X-Test-Pattern",
    "model": "the model's name",
    "prompt": "the last user message",
}
"""How a pattern can travel."""


async def probe(bench: RelayBench) -> Mapping[str, tuple[str, ...]]:
    """What one exchange shows. Raises WiringError."""
    return await FirstProbe(bench).found()


class FirstProbe:
    """One exchange with a daemon that is served already, and what follows from it."""

    kind = "daemon"
    """What a message calls it."""

    def __init__(self, bench: RelayBench) -> None:
        self.bench = bench
        self.manifest, self.variant = bench.environment.manifest, bench.environment.variant
        served = self.manifest.served
        assert served is not None, "only what is served already is probed"
        self.where = served.where
        self.way = (self.manifest.values("pattern", self.variant) or ("header",))[0]
        """How the pattern travels."""

    async def found(self) -> Mapping[str, tuple[str, ...]]:
        """The capabilities that the exchange shows. Raises WiringError."""
        earlier = await self._last_entry()
        observation = await self.exchange(self.bench)
        if observation.upstream:
            self._check_key(observation.upstream[-1])
            return await self.capabilities(observation)
        asked = [
            entry
            for entry in await self.bench.upstream.since(earlier)
            if entry.method == "POST" and entry.path.endswith("/chat/completions")
        ]
        if asked:
            raise await self._lost(asked[-1])
        raise await self.unasked(observation.response)

    async def exchange(self, bench: RelayBench) -> Observation:
        """A whole exchange. Raises WiringError where it cannot begin."""
        exchange = bench.exchange(pattern=await bench.script(PROBE))
        try:
            async with exchange:
                await exchange.start()
                return await exchange.finish()
        except ScenarioStopped as stopped:
            raise self.unreached(stopped.finding.actual) from None

    def unreached(self, problem: str) -> WiringError:
        """The error where the exchange cannot begin."""
        return self.error(f"cannot be reached: {problem}", "start it first, or correct the address")

    async def unasked(self, response: Response) -> WiringError:
        """The error where the mock API received no request."""
        return self.error("does not use the mock API", self.configure, answer=response)

    async def capabilities(self, observation: Observation) -> dict[str, tuple[str, ...]]:
        """What an exchange shows that arrived at the mock API."""
        protocol = observation.upstream[-1].protocol
        return {"upstream": ("h2" if protocol == "h2" else "h1",)}

    @property
    def configure(self) -> str:
        """What to do where the API is not the mock API."""
        base = self.bench.upstream.addresses.http
        return f"configure {base} as its API, and restart it if it reads that at its start"

    def error(
        self, problem: str, fix: str, *, answer: Response | None = None, sent: bytes = b""
    ) -> WiringError:
        """The error: what was found, and what to do.

        answer: what the client received. sent: the body that the mock API received.
        """
        log = "" if answer is None else _shown(answer)
        log = f"the mock API received {excerpt(sent)}" if sent else log
        return WiringError(f"the {self.kind} at {self.where} {problem}; {fix}", log=log)

    def declaring(self, **capabilities: str) -> RelayBench:
        """A bench for the same daemon with other capabilities."""
        declared = {name: (value,) for name, value in capabilities.items()}
        manifest = replace(self.manifest, capabilities={**self.manifest.capabilities, **declared})
        return self.bench.again(replace(self.bench.environment, manifest=manifest))

    def _check_key(self, entry: JournalEntry) -> None:
        if not entry.authorized:
            sent = "another key" if entry.header("authorization") is not None else "no key"
            fix = "configure it with the key that --api-key gives"
            raise self.error(f"sends its API {sent}", fix)

    async def _lost(self, entry: JournalEntry) -> WiringError:
        """The error where the mock API was asked, and not for the pattern."""
        for way, place in WAYS.items():
            if way != self.way and (await self.exchange(self.declaring(pattern=way))).upstream:
                fix = f"the pattern arrives in {place}: add --declare pattern={way}"
                break
        else:
            fix = f"it must pass on one of these as it is: {', '.join(WAYS.values())}"
        problem = f"asks the mock API, and the pattern does not arrive in {WAYS[self.way]}"
        return self.error(problem, fix, sent=entry.body)

    async def _last_entry(self) -> int:
        return max((entry.id for entry in await self.bench.upstream.since(0)), default=0)


def _shown(response: Response) -> str:
    """What the client received, in a line."""
    if response.status is not None:
        return f"the client received {response.status}: {excerpt(response.body)}"
    raw = response.transcript.raw
    return f"the client received {excerpt(raw)}" if raw else "the client received nothing"
