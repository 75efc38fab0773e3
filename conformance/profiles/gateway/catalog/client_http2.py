"""HTTP/2 towards the client: ends, resets, windows and neighbours on one connection."""

import asyncio

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate, script, stall
from conformance.profiles.gateway.bench import GatewayBench
from conformance.profiles.relay.catalog.upstream.answers import JSON, answer, error_body

H2 = ("client=h2",)

WINDOW = 4096
"""Bytes of a stream's window that fills up at once."""

LARGE = finished(*(delta("x" * 8192) for _ in range(64)), delta("end"))
SILENT = script(delta("One"), delta(" two"), stall())


@scenario(clause=("G2", "R8"), needs=H2, everywhere=True, evidence="RFC 9113 8.1")
async def client_h2_stream(bench: GatewayBench) -> None:
    """A whole answer ends with END_STREAM."""
    async with bench.exchange(pattern="unicode", http2=True) as exchange:
        await exchange.start()
        checks = await exchange.response()
    checks.no_error().content_as_sent().done_marker().ended()


@scenario(clause=("G2", "R6"), needs=H2, everywhere=True, evidence="RFC 9113 8.1.1")
async def client_h2_broken_off(bench: GatewayBench) -> None:
    """A stream that the API breaks off ends with RST_STREAM, or with an error event."""
    pattern = await bench.script(script(delta("One"), delta(" two"), ending="abort"))
    async with bench.exchange(pattern=pattern, http2=True) as exchange:
        await exchange.start()
        (await exchange.response()).api_broke().failed_stream().no_done_marker()


@scenario(clause=("G2", "U5"), needs=H2, everywhere=True, evidence="RFC 9113 8.1")
async def client_h2_cancel(bench: GatewayBench) -> None:
    """RST_STREAM of the client ends that upstream request, and no other one."""
    connection = await bench.http2_connection()
    pattern = await bench.script(finished(delta("kept"), gate(1), delta(" on")))
    silent = await bench.script(SILENT)
    async with (
        bench.exchange(pattern=pattern, http2=True, shared=connection) as kept,
        bench.exchange(pattern=silent, http2=True, shared=connection) as left,
    ):
        await kept.start()
        await left.start()
        await kept.events(1)
        await left.events(2)
        left.reset()
        await left.upstream_ended()
        await kept.open_gate(1)
        (await kept.response()).no_error().content("kept on").done_marker()


@scenario(clause=("G2", "U5"), needs=H2, everywhere=True)
async def client_h2_cancel_before_head(bench: GatewayBench) -> None:
    """RST_STREAM before the API's head ends the upstream request."""
    pattern = await bench.script(script(delta("late"), hold=1))
    async with bench.exchange(pattern=pattern, http2=True) as exchange:
        await exchange.start()
        await exchange.asked()
        exchange.reset()
        await exchange.upstream_ended()


@scenario(clause=("G2", "L4"), needs=H2, everywhere=True, evidence="RFC 9113 5.2")
async def client_h2_stalled_stream(bench: GatewayBench) -> None:
    """A stream that its client does not read stalls no other stream of the connection."""
    connection = await bench.http2_connection(window=WINDOW)
    large = await bench.script(LARGE)
    async with bench.exchange(pattern=large, http2=True, shared=connection) as stalled:
        await stalled.start()
        await stalled.head()
        stalled.pause()
        for _ in range(3):
            async with bench.exchange(pattern="short", http2=True, shared=connection) as other:
                await other.start()
                (await other.response()).no_error().content_as_sent().done_marker()
        stalled.resume()
        (await stalled.response()).no_error().content_as_sent().done_marker()


@scenario(clause=("G2", "U6"), needs=H2, evidence="RFC 9113 6.9")
async def client_h2_small_window(bench: GatewayBench) -> None:
    """An answer that is larger than the stream's window arrives whole."""
    connection = await bench.http2_connection(window=WINDOW)
    async with bench.exchange(pattern="huge:256", http2=True, shared=connection) as exchange:
        await exchange.start()
        (await exchange.response()).no_error().content_as_sent().done_marker()


@scenario(clause=("G2", "L4"), needs=H2)
async def client_h2_many_streams(bench: GatewayBench) -> None:
    """Sixteen streams of one connection each get their own answer."""
    connection = await bench.http2_connection()

    async def ask(number: int) -> Checks:
        pattern = await bench.script(finished(delta(f"stream {number}"), delta(" ends")))
        async with bench.exchange(pattern=pattern, http2=True, shared=connection) as exchange:
            await exchange.start()
            return await exchange.response()

    answers = await asyncio.gather(*(ask(number) for number in range(16)))
    for number, checks in enumerate(answers):
        checks.no_error().content(f"stream {number} ends").done_marker()


@scenario(clause=("G2", "U5"), needs=H2)
async def client_h2_connection_lost(bench: GatewayBench) -> None:
    """A client's lost connection ends the upstream requests of all its streams."""
    connection = await bench.http2_connection()
    silent = await bench.script(SILENT)
    exchanges = [bench.exchange(pattern=silent, http2=True, shared=connection) for _ in range(4)]
    for exchange in exchanges:
        await exchange.__aenter__()
        await exchange.start()
        await exchange.events(2)
    connection.cut()
    for exchange in exchanges:
        await exchange.upstream_ended()


@scenario(clause=("G2", "U1"), needs=H2)
async def client_h2_large_request(bench: GatewayBench) -> None:
    """A request that is larger than the gateway's window reaches the API whole."""
    prompt = "word " * (1 << 16) + "end"
    async with bench.exchange(pattern="short", request={"prompt": prompt}, http2=True) as exchange:
        await exchange.start()
        checks = await exchange.response()
    checks.no_error().content_as_sent().request_unchanged()


@scenario(clause=("G2", "G1", "R5"), needs=H2)
async def client_h2_after_error(bench: GatewayBench) -> None:
    """The connection serves further streams after an error and a broken stream."""
    connection = await bench.http2_connection()
    failure = await bench.script(answer(500, error_body("the model crashed"), JSON))
    broken = await bench.script(script(delta("One"), ending="abort"))
    for pattern in (failure, broken):
        async with bench.exchange(pattern=pattern, http2=True, shared=connection) as exchange:
            await exchange.start()
            await exchange.response()
        async with bench.exchange(pattern="short", http2=True, shared=connection) as after:
            await after.start()
            (await after.response()).no_error().content_as_sent().done_marker()
