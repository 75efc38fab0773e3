"""A daemon that has run out of descriptors."""

import asyncio
import time
from contextlib import AsyncExitStack

from conformance.core.scenario import Start, scenario
from conformance.core.script import delta, finished, gate
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.relay.catalog.isolation import entered

FEW = 48
"""RLIMIT_NOFILE with which a daemon can start and serve a client, and soon has no more."""

PRESSURE = 0.3
"""Seconds for which a daemon without descriptors is watched. A daemon that retries without a
pause uses all of them as processor time; a retry every 20 ms uses a hundredth."""

EXHAUSTED = 'joyent/libuv#1189 "infinite loop, descriptors exhausted"; MDA2AV/ioxide#222'


@scenario(
    script=finished(delta("Hold"), gate(1), delta(" on.")),
    clause="L4",
    alone=True,
    start=Start(nofile=FEW),
    evidence=EXHAUSTED,
)
async def conc_fd_exhaustion(bench: HandoffBench) -> None:
    """The daemon neither ends nor spins without descriptors, and recovers."""
    pattern = await bench.pattern()
    clients = (bench.exchange(pattern=pattern, clause="L4") for _ in range(2 * FEW))
    async with entered(*clients) as exchanges:
        for exchange in exchanges:
            await exchange.start()
        async with AsyncExitStack() as silent:
            # Silent peers take the last descriptors, and more wait in the backlog.
            for _ in range(2 * FEW):
                await silent.enter_async_context(bench.sender())
            await _calm_without_descriptors(bench)
        for exchange in exchanges:
            exchange.reset()
        await bench.released(*(exchange.held for exchange in exchanges))
    await bench.served_again(clause="L4")


async def _calm_without_descriptors(bench: HandoffBench) -> None:
    passed = used = 0.0
    try:
        await bench.until(lambda: len(bench.probe().descriptors) >= FEW - 1, within=1.0)
        began, before = time.monotonic(), bench.probe().cpu
        await asyncio.sleep(PRESSURE)
        passed, used = time.monotonic() - began, bench.probe().cpu - before
    except ProcessLookupError:
        pass  # it has ended; the next request shows that
    bench.check(
        used <= passed / 5,
        "spins",
        expected="a fifth of the time at most as processor time, without free descriptors",
        actual=f"{used:.2f} s in {passed:.2f} s",
        clause="L4",
    )
