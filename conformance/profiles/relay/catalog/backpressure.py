"""Clients that read slowly, later, or not at all, and an API that sends more than they read."""

import asyncio
import time
from contextlib import AsyncExitStack

from conformance.checks import Checks
from conformance.core.evidence import End
from conformance.core.quoting import plural
from conformance.core.scenario import Start, scenario
from conformance.core.script import Script, delta, finished, repeat, wait
from conformance.profiles.relay.bench import ClientOptions, RelayBench
from conformance.profiles.relay.exchange import Exchange

SMALL = 4096
STALLED: ClientOptions = {"receive_buffer": SMALL, "send_buffer": SMALL}
"""Buffers so small that a client which does not read stops its daemon soon."""

MEBIBYTE = 1 << 20

PIECE = "0123456789abcdef" * 4096
"""64 KiB of text: a large answer of few events costs the suite little."""

PIECES = 256
LARGE = finished(repeat(PIECES, delta(PIECE)))
"""16 MiB: twice the most that the kernel's buffers between API and daemon took in tests."""

STEADY = finished(repeat(PIECES // 4, delta(PIECE)))
"""4 MiB: more than the kernel's buffers between daemon and client took in tests."""

STALLS = 16
"""Clients that stall at the same time (U6)."""

EACH = 8
"""MiB of memory that each of them may cost (U6)."""

UNBOUNDED = 'MAXeaglet/commandcode-proxy#20 "unbounded response buffering"'
FROZEN = 'sysid/sse-starlette#89 "frozen client connections"'


# U6: the API waits for the client


@scenario(script=LARGE, clause="U6", alone=True, everywhere=True, deadline=20.0, evidence=UNBOUNDED)
async def backp_stalled_memory(bench: RelayBench) -> None:
    """The daemon pauses the API while clients do not read, and its memory stays bounded."""
    pattern = await bench.pattern()
    await bench.healthy()
    before = bench.daemon.probe().rss
    async with AsyncExitStack() as stack:
        stalled = [
            await stack.enter_async_context(bench.exchange(pattern=pattern, clause="U6", **STALLED))
            for _ in range(STALLS)
        ]
        await asyncio.gather(*map(_stall, stalled))
        # A client that reads receives such an answer whole meanwhile. By then a daemon that
        # does not pause the API would have read the others' answers too.
        async with bench.exchange(pattern=pattern, clause="U6") as reader:
            await reader.start()
            await _whole(reader)
        grown = (bench.daemon.probe().rss - before) / MEBIBYTE
        bench.at_most("memory", grown, STALLS * EACH, f"MiB more for {STALLS} stalled clients")
        sent = [exchange for exchange in stalled if not await _running(bench, exchange)]
        bench.check(
            not sent,
            "paused",
            expected="the API cannot send its whole answer while the client does not read",
            actual=f"it could, for {len(sent)} of {plural(STALLS, 'client')}",
            timeless=True,
        )
        resumed, *others = stalled
        for other in others:
            other.reset()
        await _whole(resumed)


async def _whole(exchange: Exchange, pieces: int = PIECES) -> Checks:
    checks = await exchange.response(brief=True)
    checks.done_marker().chunk_count(pieces)
    if len({event.data for event in checks.deltas}) > 1:
        checks.content(PIECE * pieces)
    return checks


async def _stall(exchange: Exchange) -> None:
    await exchange.start()
    await exchange.events(1)
    exchange.pause()


async def _running(bench: RelayBench, exchange: Exchange) -> bool:
    entries = await bench.upstream.wait(exchange.token, state="received", within=2.0, brief=True)
    return any(entry.end is End.RUNNING for entry in entries)


@scenario(
    script=finished(repeat(12, delta("0123456789abcdef" * 256)), framing="close"),
    clause=("U6", "R2", "R4"),
    alone=True,
    everywhere=True,
    evidence='http-party/node-http-proxy#327 "truncated chunked responses to slow client"',
)
async def backp_eof_while_paused(bench: RelayBench) -> None:
    """A paused client receives the whole answer of an API that has ended meanwhile."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern, **STALLED) as exchange:
        await exchange.start()
        exchange.pause()
        await exchange.applied(pattern)
        await bench.upstream.wait(exchange.token, state="ended", within=0.2, brief=True)
        await bench.healthy()
        if not bench.findings:
            checks = await exchange.response()
            checks.content_as_sent().events_in_order().done_marker()


@scenario(
    script=finished(repeat(20, delta("Sips of it. " * 300))),
    clause=("R2", "R3"),
    everywhere=True,
    evidence='Allenxuxu/gev#60 "EAGAIN drops unwritten remainder"',
)
async def backp_sips(bench: RelayBench) -> None:
    """Clients that read in sips from small buffers receive every byte once, in order."""
    pattern = await bench.pattern()
    sips: tuple[ClientOptions, ...] = tuple({**STALLED, "read_size": n} for n in (113, 997, 4096))
    answers = (bench.respond(pattern=pattern, **options) for options in sips)
    for checks in await asyncio.gather(*answers):
        checks.sse_format().content_as_sent().events_in_order().done_marker()


# Events that arrive while a write to the client is blocked


@scenario(
    clause=("R2", "R3", "L4"),
    everywhere=True,
    deadline=8.0,
    evidence="a buffer that is moved under a pending write sends freed memory: other users' text",
)
async def backp_arriving(bench: RelayBench) -> None:
    """Eight stalled clients each receive their own text, which arrived during the stall."""

    def text(client: int, part: int) -> str:
        return f"<{client}.{part:02}>".ljust(960, chr(ord("a") + client))

    def arriving(client: int) -> Script:
        steps = ((delta(text(client, part)), wait(0.01)) for part in range(60))
        return finished(*(step for pair in steps for step in pair))

    patterns = await asyncio.gather(*(bench.script(arriving(client)) for client in range(8)))
    async with AsyncExitStack() as stack:
        stalled = [
            await stack.enter_async_context(bench.exchange(pattern=pattern, **STALLED))
            for pattern in patterns
        ]
        await asyncio.gather(*map(_stall, stalled))
        # The API ends, or waits for a daemon that waits for its client.
        waits = (
            bench.upstream.wait(each.token, state="ended", within=1.5, brief=True)
            for each in stalled
        )
        await asyncio.gather(*waits)
        for checks in await asyncio.gather(*(each.response() for each in stalled)):
            checks.sse_format().content_as_sent().events_in_order().done_marker()


# L4: a stalled client does not disturb others


@scenario(
    clause=("L4", "U6"),
    alone=True,
    everywhere=True,
    evidence='gnacho/netpulse#67 "dead client blocks everyone"',
)
async def backp_isolation(bench: RelayBench) -> None:
    """Stalled clients do not delay fifty others, and no client receives another's text."""
    scripts = [finished(repeat(40, delta(f"<{name}>" * 700))) for name in ("one", "two", "tri")]
    patterns = [await bench.script(value) for value in scripts]
    async with AsyncExitStack() as stack:
        stalled = [
            await stack.enter_async_context(bench.exchange(pattern=each, clause="U6", **STALLED))
            for each in patterns
        ]
        for exchange in stalled:
            await exchange.start()
            await exchange.events(1)
            exchange.pause()
        for checks in await asyncio.gather(*(bench.respond(pattern="short") for _ in range(50))):
            checks.content_as_sent().done_marker()
        for exchange, pattern in zip(stalled, patterns, strict=True):
            checks = (await exchange.response()).applied(pattern)
            checks.content_as_sent().done_marker()


# U7: the client's time is not the API's


@scenario(
    script=STEADY,
    clause=("U7", "R2", "R4"),
    everywhere=True,
    alone=True,
    start=Start(options={"idle_timeout": "0.5"}),
    deadline=12.0,
    evidence='envoyproxy/envoy#17186 "timed-out chunked response terminated normally"',
)
async def backp_slow_not_timeout(bench: RelayBench) -> None:
    """The daemon does not count a client's pause as the API's silence."""
    pattern = await bench.pattern()

    async def pauses() -> None:
        async with bench.exchange(pattern=pattern, **STALLED) as exchange:
            await exchange.start()
            await exchange.events(1)
            exchange.pause()
            await asyncio.sleep(1.0 * bench.environment.scale)
            (await _whole(exchange, PIECES // 4)).applied(pattern)

    async def sips() -> None:
        async with bench.exchange(pattern=pattern, **STALLED) as exchange:
            await exchange.start()
            exchange.pause()
            await _sip(exchange, seconds=1.0 * bench.environment.scale)
            (await _whole(exchange, PIECES // 4)).applied(pattern)

    await asyncio.gather(pauses(), sips())


@scenario(
    script=STEADY,
    clause=("U7", "R2", "R4"),
    everywhere=True,
    alone=True,
    start=Start(options={"write_timeout": "1"}),
    deadline=12.0,
    evidence=FROZEN,
)
async def backp_slow_is_no_stall(bench: RelayBench) -> None:
    """The daemon keeps serving a client that reads slowly but steadily."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern, **STALLED) as exchange:
        await exchange.start()
        exchange.pause()
        await _sip(exchange, seconds=1.6 * bench.environment.scale)
        (await _whole(exchange, PIECES // 4)).applied(pattern)


async def _sip(exchange: Exchange, *, seconds: float) -> None:
    """Read some 30 KB a second, for so long; late sips are larger."""
    now = time.monotonic()
    end = now + seconds
    while now < end:
        await asyncio.sleep(0.02)
        before, now = now, time.monotonic()
        exchange.sip(int((now - before) * 30_000))
