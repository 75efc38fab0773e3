"""What concerns a whole connection: GOAWAY, its loss, SETTINGS, protocol errors."""

import asyncio

from conformance.core.scenario import scenario
from conformance.core.script import (
    attempts,
    delta,
    finish,
    finished,
    frame,
    gate,
    goaway,
    script,
    settings,
    stall,
)
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.http2.protocol import (
    CONTINUATION,
    H2,
    INTERNAL_ERROR,
    connections,
    served,
    whole,
)


@scenario(
    clause=("R2", "R4"),
    everywhere=True,
    needs=H2,
    alone=True,
    evidence='RFC 9113 6.8; dotnet/corefx#34376 "streams lost after GOAWAY"',
)
async def http2_goaway(bench: RelayBench) -> None:
    """The daemon finishes a stream that GOAWAY covers, and opens others elsewhere."""
    for last in ("this", "all"):
        value = finished(delta("Once"), goaway(last), gate(1), delta(" upon"), gate(2))
        pattern = await bench.script(value)
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            await exchange.events(1)
            await exchange.open_gate(1)
            await exchange.events(2)
            other = await served(bench, clause="U9")
            if not other.complete:
                return
            await exchange.open_gate(2)
            checks = (await exchange.response()).applied(pattern)
        whole(checks)
        used = connections(checks, other)
        bench.check(
            len(set(used)) == 2,
            "elsewhere",
            expected="no stream is opened on a connection after its GOAWAY",
            actual=f"the two requests came on the connections {used}",
            clause="U9",
        )


@scenario(
    clause="U8",
    everywhere=True,
    needs=H2,
    alone=True,
    evidence='RFC 9113 6.8; dotnet/corefx#34376 "streams lost after GOAWAY"',
)
async def http2_goaway_unprocessed(bench: RelayBench) -> None:
    """The daemon repeats a request above GOAWAY's last stream once, elsewhere."""
    value = attempts(script(goaway("previous"), stall(), head=""), finished(delta("Once")))
    pattern = await bench.script(value)
    checks = await bench.finished(bench.exchange(pattern=pattern, clause="U8"))
    whole(checks)
    used = connections(checks)
    bench.check(
        len(used) == 2 and used[0] != used[1],
        "asked_twice",
        expected="a second request, on another connection",
        actual=f"requests on the connections {used}",
    )


@scenario(clause=("R6", "U4"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 6.8")
async def http2_lost(bench: RelayBench) -> None:
    """A lost connection fails its own streams only, with or without GOAWAY."""
    for before in ((), (goaway("this"),), (goaway("this", code=INTERNAL_ERROR),)):
        value = script(delta("Once"), finish("stop"), *before, gate(1), ending="drop")
        patterns = [await bench.script(value), await bench.script(script(delta("a"), gate(1)))]
        async with (
            bench.exchange(pattern=patterns[0]) as lost,
            bench.exchange(pattern=patterns[1]) as neighbour,
        ):
            for exchange in (neighbour, lost):
                await exchange.start()
                await exchange.events(1)
            await lost.open_gate(1)
            checks = (await lost.response()).applied(patterns[0])
            await neighbour.open_gate(1)
            others = (await neighbour.response()).applied(patterns[1])
        checks.cut_off()
        others.cut_off()
        await bench.healthy()


@scenario(
    clause=("U3", "L4"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 5.1.2, 8.7"
)
async def http2_one_stream(bench: RelayBench) -> None:
    """The daemon respects a limit of one stream: other requests wait or go elsewhere."""
    value = finished(settings(max_concurrent_streams=1), delta("Once"))
    whole(await bench.respond(script=value))
    await asyncio.gather(*(served(bench) for _ in range(8)))


@scenario(
    clause=("U4", "R6", "L4"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 5.4.1"
)
async def http2_broken(bench: RelayBench) -> None:
    """The daemon gives up a connection with a protocol error, and makes a new one."""
    violations = (
        frame(0x0, b"data"),  # DATA on stream 0
        frame(0x8, b"\0\0\0", stream="this"),  # a WINDOW_UPDATE of three bytes
        frame(0x8, b"\x7f\xff\xff\xff"),  # more room than a window can have
        frame(CONTINUATION, b"", flags=0x4, stream="this"),
        frame(0x0, b"data", stream=1001),  # a stream that the daemon did not open
    )
    for violation in violations:
        value = script(delta("Once"), finish("stop"), gate(1), violation, stall())
        pattern = await bench.script(value)
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            await exchange.events(1)
            await exchange.open_gate(1)
            checks = (await exchange.response()).applied(pattern)
        checks.cut_off()
        await bench.healthy()
