"""The first probe of a gateway that is served already."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from conformance.checks import sent
from conformance.core.evidence import Observation, Response
from conformance.core.finding import ScenarioStopped
from conformance.core.quoting import excerpt
from conformance.daemon.failures import WiringError
from conformance.profiles.relay.first_probe import BODY, FirstProbe

if TYPE_CHECKING:
    from conformance.profiles.gateway.bench import GatewayBench

SHOWN = 8
"""The most models that an error names."""

_OF_A_MODEL = re.compile(rb"\bmodels?\b", re.IGNORECASE)


class GatewayProbe(FirstProbe):
    """Knows what gateways answer to clients, keys and models that they do not accept."""

    kind = "gateway"

    def __init__(self, bench: GatewayBench) -> None:
        super().__init__(bench)
        self.gateway = bench

    def unreached(self, problem: str) -> WiringError:
        """The error where the exchange cannot begin."""
        fix = "start it first, or correct --url"
        if "certificate" in problem:
            fix = "give the CA of its certificate: --ca-file CA.pem"
        elif self.gateway.target.secure:
            fix = "if it does not speak TLS, write http:// in --url"
        elif "localhost" in self.where:
            fix += "; if it listens on IPv6 only, write [::1] in place of localhost"
        return self.error(f"cannot be reached: {problem}", fix)

    async def unasked(self, response: Response) -> WiringError:
        """The error where the mock API received no request: the status says why."""
        status, body, client = response.status, response.body, self.gateway.client
        kind = (response.header("content-type") or "").partition(";")[0].strip().lower()
        answer = f"{status} to POST {client.path}: {excerpt(body)}"
        if status in (401, 407) or (status == 403 and kind != "text/html"):
            fix = "give one that it accepts: --api-key KEY, or OPENAI_API_KEY"
            return self.error(f"refuses the key: it answers {answer}", fix)
        if status in (400, 403, 404, 422) and kind != "text/html" and _OF_A_MODEL.search(body):
            return self.error(
                f"does not know the model {client.model!r}: it answers {answer}",
                f"give one that it knows: --model NAME{await self._models()}",
            )
        if kind == "text/html" and (status or 500) < 500:
            fix = "correct --url: it is the base of an OpenAI-compatible API, and ends in /v1"
            return self.error(f"answers with an HTML page, {answer}", fix)
        if status in (404, 405):
            fix = "correct --url: the path of the API, as in http://127.0.0.1:4000/v1"
            return self.error(f"does not have this path: it answers {answer}", fix)
        if status in (400, 413, 415, 422):
            return self.error(f"refuses the request: it answers {answer}", "correct its settings")
        if status is not None and status >= 500:
            problem = f"does not reach the mock API: it answers {answer}"
            return self.error(problem, self.configure)
        return await super().unasked(response)

    async def capabilities(self, observation: Observation) -> dict[str, tuple[str, ...]]:
        """Its class, whose key the API receives, and what it speaks on both sides."""
        passed = observation.upstream[-1].key == self.manifest.name
        unchanged = observation.response.body.startswith(BODY)
        return {
            "relay": ("bytes" if unchanged else "events",),
            "key": ("pass" if passed else "own",),
            "client": ("h1", "h2") if await self._speaks_http2() else ("h1",),
            **await super().capabilities(observation),
        }

    async def _models(self) -> str:
        """The models that it lists, as the end of a sentence; empty where it does not."""
        path = self.gateway.client.path.replace("/chat/completions", "/models")
        exchange = self.gateway.exchange(method="GET", path=path)
        try:
            async with exchange:
                await exchange.start()
                answer = sent.decoded((await exchange.finish()).response.body)
            names = [str(model["id"]) for model in answer["data"]]
        except (ScenarioStopped, LookupError, TypeError):
            return ""
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"; it lists {', '.join(names[:SHOWN])}{more}" if names else ""

    async def _speaks_http2(self) -> bool:
        """Whether a client that speaks only HTTP/2 is served."""
        exchange = self.gateway.exchange(pattern="short", http2=True)
        try:
            async with exchange:
                await exchange.start()
                return (await exchange.head()).status == 200
        except ScenarioStopped:
            return False
