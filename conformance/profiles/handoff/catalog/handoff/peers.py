"""Peers that connect to the daemon's socket and do not complete a handoff."""

import time
from contextlib import AsyncExitStack

from conformance.core.scenario import Start, scenario
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.opening import Delivery

HANDOFF_TIMEOUT = 0.5
"""Seconds in which a peer must send its handoff, by the option `handoff_timeout`."""

IMPATIENT = Start(options={"handoff_timeout": str(HANDOFF_TIMEOUT)})


@scenario(
    clause="H7",
    alone=True,
    start=IMPATIENT,
    evidence="handoff.md: the web server gives up after 200 ms; a daemon must as well",
)
async def handoff_silent_peer(bench: HandoffBench) -> None:
    """The daemon gives up peers that send nothing, and serves clients meanwhile."""
    await bench.healthy()
    async with AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(bench.sender()) for _ in range(8)]
        began = time.monotonic()
        await bench.healthy(clause="H7")
        # A daemon that waits for each peer in turn needs all of their timeouts.
        in_turn = len(silent) * HANDOFF_TIMEOUT
        waited = time.monotonic() - began
        bench.at_most("undelayed", waited, in_turn / 2, f"s with {len(silent)} silent peers")
        for peer in silent:
            await bench.left(peer, within=HANDOFF_TIMEOUT + 1.0)


@scenario(
    clause="H7",
    alone=True,
    start=IMPATIENT,
    needs=("socket=stream",),
    evidence="reasoned; slow HTTP request bodies (Slowloris)",
)
async def handoff_unfinished(bench: HandoffBench) -> None:
    """The daemon gives up a peer that sends half of its data, and closes the client."""
    async with bench.sender() as sender:
        delivery = Delivery(sender=sender, ends=False)
        halved = bench.exchange(delivery=delivery, edit=lambda data: data[: len(data) // 2])
        async with halved as exchange:
            await exchange.start()
            await bench.left(sender, within=HANDOFF_TIMEOUT + 1.0)
            (await exchange.response()).ended()
            await bench.unasked(exchange)


@scenario(clause=("H7", "H10"), alone=True, evidence="connect probes of monitors; reasoned")
async def handoff_knock(bench: HandoffBench) -> None:
    """The daemon ignores peers that connect and close, and keeps nothing of them."""
    await bench.released((await bench.healthy()).held)
    before = len(bench.probe().descriptors)
    for _ in range(50):
        async with bench.sender():
            pass
    await bench.healthy(clause="H7")
    await bench.descriptors_fall_to(before)
