"""What the lifecycle scenarios check of a process that ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from conformance.core.script import delta, finished, gate
from conformance.daemon.process import DaemonProcess
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.relay.exchange import Exchange

HELD = finished(delta("Hold"), gate(1), delta(" on."))
"""An answer that stays in the middle until its gate is opened."""


@asynccontextmanager
async def held(bench: HandoffBench) -> AsyncIterator[Exchange]:
    """A client in the middle of its answer."""
    async with bench.exchange(pattern=await bench.script(HELD)) as exchange:
        await exchange.start()
        await exchange.events(1)
        yield exchange


async def let_go(exchange: Exchange) -> None:
    """Open the gate, and check that the client receives the rest of its answer."""
    await exchange.open_gate(1)
    (await exchange.response()).content_as_sent().done_marker()


async def exits(
    bench: HandoffBench,
    *,
    within: float,
    statuses: tuple[int, ...] = (0,),
    daemon: DaemonProcess | None = None,
    clause: str | None = None,
) -> None:
    """Check that the daemon ends by itself, in time, with one of these statuses."""
    daemon = daemon or bench.daemon
    try:
        async with asyncio.timeout(within * bench.environment.scale):
            await daemon.ended()
    except TimeoutError:
        pass
    shown = (
        f"{statuses[0]} to {statuses[-1]}" if len(statuses) > 4 else " or ".join(map(str, statuses))
    )
    bench.check(
        daemon.returncode in statuses,
        "exits",
        expected=f"exit status {shown} within {bench.stretched(within)}",
        actual=daemon.describe_exit() or "it still runs",
        clause=clause,
    )
