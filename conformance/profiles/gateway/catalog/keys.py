"""The two keys: the client's and the gateway's own. Neither reaches the other side."""

from conformance.core.scenario import Api, Start, scenario
from conformance.profiles.gateway.bench import GatewayBench
from conformance.profiles.relay.catalog.upstream.answers import JSON, answer, error_body

OWN, PASS = ("key=own", "mock"), ("key=pass",)

ECHOED = "OpenAI's 401: Incorrect API key provided: sk-…"
LOGGED = 'BerriAI/litellm#14233 "api key in debug logs"'


@scenario(clause=("G5", "U1"), needs=OWN, everywhere=True)
async def key_own_is_sent(bench: GatewayBench) -> None:
    """The API receives the gateway's own key."""
    (await bench.respond(pattern="short")).no_error().content_as_sent()


@scenario(clause="G5", everywhere=True, needs=OWN)
async def key_of_client_stays(bench: GatewayBench) -> None:
    """The client's key does not reach the API, in any field of the head or the body."""
    async with bench.exchange(pattern="short") as exchange:
        await exchange.start()
        (await exchange.response()).no_error()
    for entry in await bench.upstream.journal(exchange.token):
        head = "\n".join(f"{name}: {value}" for name, value in entry.headers)
        bench.check(
            bench.key not in head and bench.key.encode() not in entry.body,
            "client_key",
            expected="a request without the client's key",
            actual="the client's key",
            where=f"upstream request {entry.id}",
        )


@scenario(clause="G5", needs=PASS, everywhere=True)
async def key_is_passed(bench: GatewayBench) -> None:
    """The API receives the client's key where the gateway does not have its own."""
    (await bench.respond(pattern="short")).no_error().content_as_sent()


@scenario(clause=("S2", "G5"), everywhere=True, needs=(*OWN, "api_key"), evidence=ECHOED)
async def key_in_refusal_is_hidden(bench: GatewayBench) -> None:
    """The gateway's key does not reach the client in the API's refusal of it."""
    key = bench.own_key
    body = error_body(f"Incorrect API key provided: {key}.", code="invalid_api_key")
    async with bench.exchange(pattern=await bench.script(answer(401, body, JSON))) as exchange:
        await exchange.start()
        checks = await exchange.response()
    raw = checks.response.transcript.raw
    bench.check(
        bool(raw) and key.encode() not in raw,
        "own_key",
        expected="an answer without the gateway's key",
        actual=raw.decode(errors="replace"),
        where="response",
    )


@scenario(clause="S2", alone=True, evidence=LOGGED)
async def keys_are_not_logged(bench: GatewayBench) -> None:
    """Neither key stands in the gateway's log, after answers, refusals and failures."""
    for pattern in ("short", "abort:2", None):
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            await exchange.response()
    refusal = answer(401, error_body("Incorrect API key provided"), JSON)
    async with bench.exchange(pattern=await bench.script(refusal)) as exchange:
        await exchange.start()
        await exchange.response()
    log = bench.daemon.log()
    for name, key in (("the client's key", bench.key), ("the gateway's key", bench.own_key)):
        bench.check(
            key not in log,
            "log",
            expected=f"a log without {name}",
            actual=f"{name} in the log",
            where="the gateway's log",
        )


@scenario(clause="S2", alone=True, start=Start(api=Api.REFUSING))
async def api_address_is_hidden(bench: GatewayBench) -> None:
    """The answer to a client does not name the gateway's key where the API cannot be reached."""
    async with bench.exchange() as exchange:
        await exchange.start()
        checks = (await exchange.response()).http_error(502, 503, 504)
    raw = checks.response.transcript.raw
    bench.check(
        bool(raw) and bench.own_key.encode() not in raw,
        "own_key",
        expected="an answer without the gateway's key",
        actual=raw.decode(errors="replace"),
        where="response",
    )
