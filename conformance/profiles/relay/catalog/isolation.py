"""Many streams at a time, and one after the other on one connection, without mixing."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from conformance.core.scenario import Api, Start, scenario
from conformance.core.script import Step, delta, done, finish, finished, gate, script, wait
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.exchange import Exchange

STREAMS = 40


WAITING = 40
"""Requests that wait for the API's head: more than usual pools of threads have places."""

CONNECT = 0.5
"""Seconds in which a daemon tries to reach an API that is unreachable."""

CROSSTALK = 'FlowiseAI/Flowise#3474 "concurrent responses mixed"; QuantumNous/new-api#5445'
POISON = 'valyala/fasthttp#1743 "stale buffered data on reuse"; lalinsky/dusty#114'
ORDER = 'getappmap/appmap-js#1978 "tokens out of order"; erfanzar/EasyDeL#235 "token loss"'
NEIGHBOUR = 'bbvch-ai/aihub-core#1631 "streaming blocks event loop"'


@asynccontextmanager
async def entered(*exchanges: Exchange) -> AsyncIterator[tuple[Exchange, ...]]:
    async with AsyncExitStack() as stack:
        for exchange in exchanges:
            await stack.enter_async_context(exchange)
        yield exchanges


# Side by side


@scenario(clause=("R2", "L4"), everywhere=True, deadline=5.0, evidence=CROSSTALK)
async def conc_no_crosstalk(bench: RelayBench) -> None:
    """Forty clients at a time each receive their own text alone."""

    def words(number: int) -> list[Step]:
        return [delta(f"<{number}:{part}>") for part in range(5)]

    scripts = [finished(*words(n), gate(1), *words(n)) for n in range(STREAMS)]
    patterns = await asyncio.gather(*map(bench.script, scripts))
    exchanges = [
        bench.exchange(
            pattern=pattern, request={"user_id": f"user-{number % 3}", "model": "the-same"}
        )
        for number, pattern in enumerate(patterns)
    ]

    async def half(exchange: Exchange) -> None:
        await exchange.start()
        await exchange.events(5)

    async with entered(*exchanges):
        await asyncio.gather(*map(half, exchanges))
        await asyncio.gather(*(exchange.open_gate(1) for exchange in exchanges))
        for exchange, pattern in zip(exchanges, patterns, strict=True):
            checks = (await exchange.response()).applied(pattern)
            checks.content_as_sent().events_in_order().done_marker()


@scenario(clause="R2", everywhere=True, evidence=ORDER)
async def conc_order(bench: RelayBench) -> None:
    """Twelve clients receive bursts of events in order, without a loss."""
    chance = random.Random("conc_order")  # noqa: S311, the same on every run

    def bursts(stream: int) -> list[Step]:
        steps = []
        for number in range(60):
            steps.append(delta(f"{stream}.{number} "))
            if chance.random() < 0.3:
                steps.append(wait(chance.uniform(0, 0.02)))
        return steps

    scripts = [finished(*bursts(stream)) for stream in range(12)]
    for checks in await bench.respond_to_all(scripts):
        checks.events_in_order().content_as_sent().done_marker()


@scenario(
    script=finished(delta("At last"), hold=1),
    clause="L4",
    everywhere=True,
    alone=True,
    evidence=NEIGHBOUR,
)
async def conc_slow_neighbour(bench: RelayBench) -> None:
    """The daemon serves other clients while forty requests wait for the API's head."""
    pattern = await bench.pattern()
    async with entered(*(bench.exchange(pattern=pattern) for _ in range(WAITING))) as waiting:
        for exchange in waiting:
            await exchange.start()
            await exchange.asked()
        for checks in await asyncio.gather(*(bench.respond(pattern="short") for _ in range(10))):
            checks.content_as_sent().done_marker()
        for exchange in waiting:
            await exchange.open_gate(1)
            checks = (await exchange.response()).applied(pattern)
            checks.content_as_sent().done_marker()


@scenario(
    clause=("L4", "U7"),
    alone=True,
    start=Start(options={"connect_timeout": str(CONNECT)}, api=Api.UNREACHABLE),
    evidence=NEIGHBOUR,
)
async def conc_slow_connect(bench: RelayBench) -> None:
    """The daemon tries to connect for eight clients at the same time."""

    async def refused() -> float:
        checks = (await bench.finished(bench.exchange())).http_error(504).ended()
        transcript = checks.response.transcript
        return max((read.at - transcript.began_at for read in transcript.reads), default=0.0)

    longest = max(await asyncio.gather(*(refused() for _ in range(8))))
    if not bench.findings:
        unit = "s until the last of 8 clients has an error"
        bench.at_most("side_by_side", longest, CONNECT + 1.0, unit, timed=True)


# One after the other


@scenario(clause="U9", alone=True, everywhere=True, evidence=POISON)
async def conc_pool_poison(bench: RelayBench) -> None:
    """No client receives the rest of an answer whose client has left."""
    left = await bench.script(finished(delta("One"), delta(" two"), gate(1), delta(" LEFTOVER")))
    for leave in (Exchange.reset, Exchange.close):
        async with bench.exchange(pattern=left) as gone:
            await gone.start()
            await gone.events(2)
            gone.find_held()
            leave(gone)
            await bench.released(gone.held)
            await _next(bench, gone)


@scenario(
    script=finished(delta("Enough."), gate(1), delta(" LEFTOVER")),
    clause="U9",
    alone=True,
    everywhere=True,
    evidence=POISON,
    needs=("events",),
)
async def conc_pool_leftover(bench: RelayBench) -> None:
    """No client receives what the API sends after the `[DONE]` of another answer."""
    pattern = await bench.script(
        script(delta("Enough."), finish("stop"), done(), gate(1), delta(" LEFTOVER"))
    )
    for _ in range(2):
        async with bench.exchange(pattern=pattern) as over:
            await over.start()
            checks = (await over.response()).applied(pattern)
            checks.content("Enough.").done_marker()
            await _next(bench, over)


@scenario(
    clause=("U8", "U9", "R5"),
    alone=True,
    everywhere=True,
    evidence='NousResearch/hermes-agent#75463 "half-dead pooled connections"',
)
async def conc_stale_pool(bench: RelayBench) -> None:
    """The next client receives an answer or 502 after the API closed a reused connection."""
    for afterwards in ("close", "close_on_request", "reset_on_request"):
        checks = await bench.respond(script=finished(delta("Bye"), afterwards=afterwards))
        checks.content_as_sent().done_marker()
        checks = await bench.finished(bench.exchange(pattern="short", clause="U9"))
        if checks.response.status == 200:
            checks.content_as_sent().done_marker().applied("short")
        else:
            checks.http_error(502).ended()


async def _next(bench: RelayBench, before: Exchange) -> None:
    """Check the answer to a request that may follow on the connection of the one before."""
    async with bench.exchange(pattern="finish:length") as following:
        await following.start()
        await before.open_gate(1)
        checks = await following.response()
        checks.content_as_sent().done_marker().applied("finish:length")


# Connections towards the API


@scenario(
    clause="H10",
    alone=True,
    everywhere=True,
    deadline=10.0,
    evidence="reasoned; CLOSE_WAIT towards the API",
)
async def conc_upstream_released(bench: RelayBench) -> None:
    """The daemon does not keep connections whose answers failed."""
    halves = [script(delta("Half"), ending=ending) for ending in ("abort", "reset", "drop")]
    refusals = [script(status=status, headers={}) for status in (500, 429, 302)]
    patterns = ["abort:2", *[await bench.script(value) for value in (*halves, *refusals)]]

    async def round_() -> list[str]:
        exchanges = [bench.exchange(pattern=pattern) for pattern in patterns * 2]
        async with entered(*exchanges):
            for exchange in exchanges:
                await exchange.start()
            for exchange in exchanges:
                await exchange.ended()
                exchange.close()
        return [exchange.held for exchange in exchanges]

    await bench.released(*await round_())
    before = len(bench.probe().descriptors)
    for _ in range(8):
        await bench.released(*await round_())
    await bench.healthy()
    # A pool may keep the good connections of a round, which are 8 at most. A daemon that forgets
    # one way to fail keeps 16.
    await bench.descriptors_fall_to(before + 8)
