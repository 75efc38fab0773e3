"""Clients that leave: the daemon resets their streams, and no others."""

import asyncio

from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate, settings
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.http2.protocol import H2, whole

POOLED = 4
"""Additional connections that a pool explains: as many as there are clients at a time."""

EXHAUSTED = 'headroomlabs-ai/headroom#2882 "max outbound streams exhausted"'


@scenario(clause=("U5", "L4"), everywhere=True, needs=H2, evidence=EXHAUSTED)
async def http2_cancel(bench: RelayBench) -> None:
    """The daemon ends the stream of a client that left, and no other stream."""
    pattern = await bench.script(finished(delta("Once"), gate(1), delta(" upon")))
    async with (
        bench.exchange(pattern=pattern, clause="L4") as sibling,
        bench.exchange(pattern=pattern) as leaving,
    ):
        for exchange in (sibling, leaving):
            await exchange.start()
            await exchange.events(1)
        leaving.reset()
        await leaving.upstream_ended()
        await sibling.open_gate(1)
        whole((await sibling.response()).applied(pattern))


@scenario(clause=("U5", "L4"), everywhere=True, needs=H2, alone=True, evidence=EXHAUSTED)
async def http2_cancel_repeated(bench: RelayBench) -> None:
    """The daemon reuses the place of a stream whose client left, a hundred times."""
    pattern = await bench.script(
        finished(settings(max_concurrent_streams=4), delta("Once"), gate(1))
    )
    await _left(bench, pattern)
    before = len(bench.probe().descriptors)
    for _ in range(25):
        await asyncio.gather(*(_left(bench, pattern) for _ in range(4)))
    await bench.healthy()
    await bench.until(lambda: len(bench.probe().descriptors) <= before + POOLED, within=2.0)
    after = len(bench.probe().descriptors)
    bench.at_most("places", after, before + POOLED, "descriptors")


async def _left(bench: RelayBench, pattern: str) -> None:
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        await exchange.events(1)
        exchange.reset()
        await exchange.upstream_ended()
