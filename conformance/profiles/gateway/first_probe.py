"""The first probe of a gateway that is served already."""

from __future__ import annotations

import re
from collections.abc import Mapping

from conformance.checks import sent
from conformance.core.evidence import Observation, Response
from conformance.core.finding import ScenarioStopped
from conformance.daemon.failures import WiringError
from conformance.profiles.gateway.bench import GatewayBench
from conformance.profiles.relay.first_probe import BODY, FirstProbe

SHOWN = 8
"""The most models that an error names."""

_OF_A_MODEL = re.compile(rb"\bmodels?\b", re.IGNORECASE)


async def probe(bench: GatewayBench) -> Mapping[str, tuple[str, ...]]:
    """What one exchange shows. Raises WiringError."""
    return await GatewayProbe(bench).found()


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
            fix = f"give the CA of its certificate: --ca-file CA.pem ({problem})"
            return self.error("has a certificate that is not trusted", fix)
        if self.gateway.target.secure:
            fix = "if it does not speak TLS, write http:// in --url"
        elif "localhost" in self.where:
            fix += "; if it listens on IPv6 only, write [::1] in place of localhost"
        return self.error(f"cannot be reached: {problem}", fix)

    async def unasked(self, response: Response) -> WiringError:
        """The error where the mock API received no request: the status says why."""
        status, client = response.status or 0, self.gateway.client
        kind = (response.header("content-type") or "").partition(";")[0].strip().lower()
        page = kind == "text/html" and status < 500
        problem, fix = "does not use the mock API", self.configure
        if status in (401, 407) or (status == 403 and not page):
            problem = "refuses the key"
            fix = "give one that it accepts: --api-key KEY, or OPENAI_API_KEY"
        elif status in (400, 403, 404, 422) and not page and _OF_A_MODEL.search(response.body):
            problem = f"does not know the model {client.model!r}"
            fix = f"give one that it knows: --model NAME{await self._models()}"
        elif page:
            problem = f"answers POST {client.path} with an HTML page"
            fix = "correct --url: it is the base of an OpenAI-compatible API, and ends in /v1"
        elif status in (404, 405):
            problem = f"does not have the path {client.path}"
            fix = "correct --url: it is the base of the API, as in http://127.0.0.1:4000/v1"
        elif status in (400, 413, 415, 422):
            problem, fix = f"refuses a plain request with {status}", "correct its settings"
        elif status >= 500:
            problem = f"does not reach the mock API, and answers {status}"
        return self.error(problem, fix, answer=response)

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
