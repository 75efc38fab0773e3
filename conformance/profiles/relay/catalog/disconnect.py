"""Clients that leave, in every way and at every moment, and clients that seem to leave."""

import asyncio
import time
from collections.abc import Callable

from conformance.core.evidence import End, Ending, Kind
from conformance.core.quoting import plural
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate, repeat, script, stall, write
from conformance.daemon.proc import Probe
from conformance.profiles.relay.bench import ClientOptions, RelayBench
from conformance.profiles.relay.exchange import Exchange

SMALL = 4096
"""Bytes of buffers so small that a client which does not read stops its daemon soon."""

STALLED: ClientOptions = {"receive_buffer": SMALL, "send_buffer": SMALL}
UNREAD: ClientOptions = {"receive_buffer": SMALL, "send_buffer": 1 << 18}
"""Unread bytes wait in the daemon's end of the connection, where a reset destroys them."""

SILENT = script(delta("One"), delta(" two"), delta(" three"), stall())
"""Three deltas, then silence: only the client's leaving can end it."""

LEAVE = (Exchange.reset, Exchange.close)
"""With RST, and with FIN."""

LATE = 0.5
"""Seconds after the API's end in which a client still sends: half of the time that R8 allows."""

CYCLES = 200
"""Clients that come and leave. A leak in one of ten ways to leave shows twenty times."""

POOLED = 16
"""Connections and threads that a daemon may keep for later, in addition to the first ones."""

ALLOCATED = 8 << 20
"""Bytes by which memory may grow: 45 KiB for each client is less than its buffers take."""

UNSEEN = 'BerriAI/litellm#30244 "upstream stays open after disconnect"'
TTFT = 'BerriAI/litellm#31499 "disconnect during time-to-first-token"'
LINGERING = 'RFC 9112 9.6; aio-libs/aiohttp#927 "lingering close"; metabase/metabase#49773'


# U5: leaving is noticed


@scenario(script=SILENT, clause="U5", everywhere=True, evidence=UNSEEN)
async def client_reset(exchange: Exchange) -> None:
    """The daemon ends the upstream request when the client resets, while the API is silent."""
    await exchange.events(3)
    exchange.reset()
    await exchange.upstream_ended()


@scenario(script=SILENT, clause="U5", everywhere=True, evidence=UNSEEN)
async def client_close(exchange: Exchange) -> None:
    """The daemon ends the upstream request when the client closes, while the API is silent."""
    await exchange.events(3)
    exchange.close()
    await exchange.upstream_ended()


@scenario(script=script(delta("too late"), hold=1), clause="U5", everywhere=True, evidence=TTFT)
async def client_gone_ttft(bench: RelayBench) -> None:
    """The daemon ends the upstream request when the client leaves before the API's head."""
    await _gone_when_asked(bench)


@scenario(
    script=script(write(": hold on\n\n"), stall()), clause="U5", everywhere=True, evidence=TTFT
)
async def client_gone_before_token(bench: RelayBench) -> None:
    """The daemon ends the upstream request when the client leaves before the first token."""
    await _gone_when_asked(bench)


async def _gone_when_asked(bench: RelayBench) -> None:
    pattern = await bench.pattern()

    async def gone(leave: Callable[[Exchange], None]) -> None:
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            await exchange.asked()
            leave(exchange)
            await exchange.upstream_ended()
            await exchange.applied(pattern)

    await asyncio.gather(*map(gone, LEAVE))


# R9: a client that may have left


@scenario(
    script=finished(delta("Go"), gate(1), delta(" on"), delta(" reading.")),
    clause=("R9", "R4"),
    everywhere=True,
    deadline=5.0,
    evidence='RFC 9112 9.6; MDA2AV/ioxide#164 "half-close drops response"',
)
async def client_half_close(exchange: Exchange) -> None:
    """A client that shuts down its sending side receives everything, or an end without `[DONE]`."""
    await exchange.events(1)
    exchange.half_close()
    await exchange.open_gate(1)
    checks = await exchange.response()
    if any(event.kind is Kind.DONE for event in checks.response.events):
        checks.sse_format().content_as_sent().done_marker()
    elif checks.response.transcript.ending is Ending.DEADLINE:
        checks.ended(clause="H10")


@scenario(script=SILENT, clause=("R9", "U5"), everywhere=True, evidence="RFC 9112 9.6")
async def client_half_close_silent(exchange: Exchange) -> None:
    """The daemon ends the upstream request when a half-closed client leaves."""
    await exchange.events(3)
    exchange.half_close()
    entries = await exchange.upstream.wait(exchange.token, state="ended", within=0.1)
    if any(entry.end is End.RUNNING for entry in entries):  # served on, as R9 allows
        exchange.reset()
    await exchange.upstream_ended()


# R8: a client's input does not cost it the answer


@scenario(
    script=finished(delta("Words"), gate(1), repeat(10, delta(" words" * 1000))),
    clause="R8",
    everywhere=True,
    evidence=LINGERING,
)
async def client_sends_all_along(bench: RelayBench) -> None:
    """A client that sends without a pause receives the whole answer, and EOF."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern, **UNREAD) as exchange:
        await exchange.start()
        await exchange.events(1)
        exchange.pause()
        exchange.send(b".")  # it arrives before the rest of the answer
        sending = asyncio.create_task(send_until(exchange, until=time.monotonic() + LATE))
        await exchange.open_gate(1)
        await sending
        checks = (await exchange.response()).applied(pattern)
        checks.content_as_sent().done_marker()


async def send_until(exchange: Exchange, *, until: float = float("inf")) -> None:
    """Send surplus bytes until this time, or until the daemon has closed."""
    try:
        while time.monotonic() < until:
            exchange.send(b".")
            await asyncio.sleep(0.002)
    except OSError:
        pass


# L4: one client does not disturb others


@scenario(
    script=finished(delta("Steady"), gate(1), delta(" as ever.")),
    clause="L4",
    everywhere=True,
    alone=True,
    evidence='ding113/claude-code-hub#1239 "broken pipe crashes process"; LostRuins/koboldcpp#572',
)
async def client_write_error(bench: RelayBench) -> None:
    """Clients that reset during a burst do not disturb other clients."""
    steady = await bench.pattern()
    burst = await bench.script(script(repeat(200, delta("x" * SMALL))))

    async def reset() -> None:
        async with bench.exchange(pattern=burst, **STALLED) as exchange:
            await exchange.start()
            await exchange.events(1)
            exchange.reset()
            await exchange.upstream_ended()

    async def stay() -> None:
        async with bench.exchange(pattern=steady) as exchange:
            await exchange.start()
            await exchange.events(1)
            await asyncio.gather(*(reset() for _ in range(4)))
            await exchange.open_gate(1)
            checks = (await exchange.response()).applied(steady)
            checks.content_as_sent().done_marker()

    await asyncio.gather(stay(), stay())
    await bench.healthy()


# H10: released at the end


@scenario(
    clause="H10",
    everywhere=True,
    needs=("process",),
    evidence='Dstack-TEE/private-ai-gateway#43 "sockets left in CLOSE_WAIT"',
)
async def client_released(bench: RelayBench) -> None:
    """The daemon closes the client's descriptor, however the exchange ended."""
    silent = await bench.script(SILENT)
    broken = await bench.script(script(delta("Half"), status=200, ending="reset"))
    refused = await bench.script(script(write("{}"), status=500, headers={}))

    async def over(pattern: str, **request: object) -> str:
        async with bench.exchange(pattern=pattern, request=request) as exchange:
            await exchange.start()
            await exchange.ended()
            exchange.find_held()
            return exchange.held

    async def left(leave: Callable[[Exchange], None]) -> str:
        async with bench.exchange(pattern=silent) as exchange:
            await exchange.start()
            await exchange.events(3)
            exchange.find_held()
            leave(exchange)
            return exchange.held

    held = await asyncio.gather(
        *map(left, LEAVE),
        *(over(pattern) for pattern in ("short", "abort:3", "finish:length", broken, refused)),
        over("short", messages="none"),
    )
    await bench.released(*held)
    await bench.healthy()


@scenario(
    clause=("H10", "L4", "U5"),
    alone=True,
    everywhere=True,
    evidence='BerriAI/litellm#21213 "pool exhaustion"; theroyallab/tabbyAPI#428 "deadlock"',
)
async def client_churn(bench: RelayBench) -> None:
    """The daemon keeps no descriptor, thread or memory of two hundred clients that left."""
    silent = await bench.script(SILENT)
    mute = await bench.script(script(gate(1)))

    async def cycle(number: int) -> str:
        leave = LEAVE[number % 2]
        pattern = (silent, "short", mute, silent, "unicode")[number % 5]
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            if number % 10 == 0:
                pass  # it leaves at once
            elif pattern == silent:
                await exchange.events(1 + number % 3)
            elif pattern == mute:
                await exchange.asked()
            else:
                (await exchange.response()).ended()
            exchange.find_held()
            leave(exchange)
            return exchange.held

    held = list(await asyncio.gather(*map(cycle, range(20))))  # caches and pools fill up
    if not await bench.released(*held):
        return
    before = bench.daemon.probe()
    for start in range(20, CYCLES, 20):
        held += await asyncio.gather(*map(cycle, range(start, start + 20)))
    if not await bench.released(*held):
        return  # the other checks would report the same leak
    await bench.healthy()
    entries = await bench.upstream.wait_by_key(
        bench.daemon.key_name, state="ended", within=2.0 * bench.environment.scale
    )
    running = [entry for entry in entries if entry.end is End.RUNNING]
    bench.check(
        not running,
        "upstream_ended",
        expected="no upstream request runs on for a client that left",
        actual=f"{plural(len(running), 'request')} of {len(entries)} still running",
        clause="U5",
    )
    calm = await bench.until(lambda: _growth(before, bench.daemon.probe()) == [], within=2.0)
    bench.check(
        calm,
        "growth",
        expected=f"as much as before these {CYCLES - 20} clients",
        actual="; ".join(_growth(before, bench.daemon.probe())),
    )


def _growth(before: Probe, after: Probe) -> list[str]:
    """Each count that grew by more than a pool or an allocator explains."""
    counts = (
        ("descriptors", len(before.descriptors), len(after.descriptors), POOLED),
        ("threads", before.threads, after.threads, POOLED),
        ("bytes of memory", before.rss, after.rss, ALLOCATED),
    )
    return [
        f"{now} {what}, before {then}"
        for what, then, now, allowed in counts
        if now > then + allowed
    ]
