"""What a gateway does after a failure: how often it asks again, and whether it refuses others."""

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import Script, delta, script, stall
from conformance.profiles.gateway.bench import GatewayBench
from conformance.profiles.relay.catalog.upstream.answers import JSON, answer, error_body

PROVOKED = 6
"""Failures in a row that breakers of gateways count to: most of them open after two to five."""

BREAKER = 'BerriAI/litellm#9078 "cooldown after failures"; envoy: outlier detection'
RETRIED = 'BerriAI/litellm#8810 "retried although the stream had begun"'

SERVER_ERROR = answer(500, error_body("the model crashed"), JSON)
LIMITED = answer(429, error_body("rate limited"), JSON)
BROKEN = script(delta("One"), delta(" two"), ending="abort")
NO_HEAD = script(head="", framing="close", ending="reset")


def _retries(bench: GatewayBench) -> int:
    manifest, variant = bench.environment.manifest, bench.environment.variant
    declared = manifest.values("retries", variant)
    return int(declared[0]) if declared else 0


async def _asked_within_retries(bench: GatewayBench, value: Script) -> Checks:
    """Check that one request of the client made at most one upstream request and its retries."""
    pattern = await bench.script(value)
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        checks = await exchange.response()
    await bench.asked(exchange, least=1, most=1 + _retries(bench))
    return checks


@scenario(clause="U8", everywhere=True, evidence=RETRIED)
async def retry_none_after_first_byte(bench: GatewayBench) -> None:
    """The gateway asks once where the answer breaks off after its first byte."""
    async with bench.exchange(pattern=await bench.script(BROKEN)) as exchange:
        await exchange.start()
        await exchange.response()
    await bench.asked(exchange, least=1)


@scenario(clause=("U8", "R5"), evidence="OpenAI SDKs retry twice by default")
async def retry_bounded_after_500(bench: GatewayBench) -> None:
    """The gateway asks at most `retries` more times where the API answers 500."""
    (await _asked_within_retries(bench, SERVER_ERROR)).http_error(500, 502)


@scenario(clause=("U8", "R5"), evidence="OpenAI SDKs retry twice by default")
async def retry_bounded_after_429(bench: GatewayBench) -> None:
    """The gateway asks at most `retries` more times where the API answers 429."""
    (await _asked_within_retries(bench, LIMITED)).http_error(429)


@scenario(clause=("U8", "R5"), evidence="RFC 9110 9.2.2")
async def retry_bounded_after_loss(bench: GatewayBench) -> None:
    """The gateway asks at most `retries` more times where the API ends before its head."""
    (await _asked_within_retries(bench, NO_HEAD)).http_error(502, 503, 504)


async def _serves_after_failures(bench: GatewayBench, value: Script) -> None:
    pattern = await bench.script(value)
    for _ in range(PROVOKED):
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            await exchange.response()
    await bench.healthy(clause="G7")


@scenario(clause="G7", alone=True, evidence=BREAKER)
async def breaker_after_500s(bench: GatewayBench) -> None:
    """The gateway serves a request after six answers of 500 in a row."""
    await _serves_after_failures(bench, SERVER_ERROR)


@scenario(clause="G7", alone=True, evidence=BREAKER)
async def breaker_after_429s(bench: GatewayBench) -> None:
    """The gateway serves a request after six answers of 429 in a row."""
    await _serves_after_failures(bench, LIMITED)


@scenario(clause="G7", alone=True, evidence=BREAKER)
async def breaker_after_broken_streams(bench: GatewayBench) -> None:
    """The gateway serves a request after six streams in a row that broke off."""
    await _serves_after_failures(bench, BROKEN)


@scenario(clause="G7", alone=True, evidence=BREAKER)
async def breaker_after_lost_heads(bench: GatewayBench) -> None:
    """The gateway serves a request after six connections in a row that ended before the head."""
    await _serves_after_failures(bench, NO_HEAD)


@scenario(clause="G7", alone=True, evidence=BREAKER)
async def breaker_after_clients_left(bench: GatewayBench) -> None:
    """The gateway serves a request after six clients in a row that left in mid-stream."""
    pattern = await bench.script(script(delta("One"), delta(" two"), stall()))
    for _ in range(PROVOKED):
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            await exchange.events(2)
            exchange.reset()
    await bench.healthy(clause="G7")
