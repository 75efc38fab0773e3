"""A daemon that has run out of descriptors."""

import asyncio
import time
from contextlib import AsyncExitStack

from conformance.core.scenario import Start, scenario
from conformance.core.script import delta, finished, gate
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.relay.catalog.isolation import entered

FEW = 48
"""RLIMIT_NOFILE with which a daemon can start and serve somebody, and soon has no more."""


PRESSURE = 0.3
"""Seconds for which a daemon without descriptors is watched. One that tries again without a
pause takes them all as processor time; asking every 20 ms takes a hundredth."""


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
        for each in exchanges:
            await each.start()
        async with AsyncExitStack() as silent:
            # Who connects and says nothing takes the last one, and more wait behind.
            for _ in range(2 * FEW):
                await silent.enter_async_context(bench.sender())
            await _calm_without_descriptors(bench)
        for each in exchanges:
            each.reset()
        await bench.released(*(each.held for each in exchanges))
    await bench.served_again(clause="L4")


async def _calm_without_descriptors(bench: HandoffBench) -> None:
    passed = used = 0.0
    try:
        await bench.until(lambda: len(bench.probe().descriptors) >= FEW - 1, within=1.0)
        began, before = time.monotonic(), bench.probe().cpu
        await asyncio.sleep(PRESSURE)
        passed, used = time.monotonic() - began, bench.probe().cpu - before
    except ProcessLookupError:
        pass  # it has ended, as the next request will show
    bench.check(
        used <= passed / 5,
        "spins",
        expected="next to no processor time while there are no descriptors",
        actual=f"{used:.2f} s in {passed:.2f} s",
        clause="L4",
    )
