"""Signals by the thousand, and exchanges by the hundred."""

import asyncio
import signal
from pathlib import Path

from conformance.core.quoting import plural
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, script, wait
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.relay.exchange import Exchange

NUMBERED = finished(*(step for n in range(100) for step in (delta(f"{n} "), wait(0.005))))
"""An answer of half a second, in which every event differs from the others."""


@scenario(
    clause=("L4", "R2"),
    alone=True,
    evidence='Smithay/wayland-rs#647 "handle EINTR"; signal(7), "Interruption of system calls"',
)
async def life_signal_storm(bench: HandoffBench) -> None:
    """A thousand harmless signals a second do not cost a stream any byte."""
    pattern = await bench.script(NUMBERED)
    harmless = [
        number
        for number in (signal.SIGCHLD, signal.SIGALRM)
        if number is signal.SIGCHLD or _handles(bench.daemon.pid, number)
    ]

    async def storm() -> None:
        while True:
            # SIGSTOP and SIGCONT interrupt system calls even without a signal handler.
            for number in (*harmless, signal.SIGSTOP, signal.SIGCONT):
                bench.daemon.send_signal(number)
            await asyncio.sleep(0.001)

    async def served() -> None:
        checks = await bench.finished(bench.exchange(pattern=pattern))
        checks.events_in_order().done_marker().applied(pattern)

    storming = asyncio.create_task(storm())
    try:
        await asyncio.gather(*(served() for _ in range(3)))
        await bench.healthy()
    finally:
        storming.cancel()


def _handles(pid: int, number: signal.Signals) -> bool:
    """Whether the process catches or ignores the signal, which would end it otherwise."""
    masks = dict(
        line.split(":\t")
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith(("SigCgt", "SigIgn"))
    )
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks.values())


CYCLES = 240
"""Exchanges of a soak. Descriptors are counted one by one, so a leak shows in a few."""

AT_A_TIME = 12

GROWTH = 8
"""MiB of RSS by which a daemon may grow in a soak: 35 KB for each exchange are a leak."""


@scenario(
    clause=("H10", "L4"),
    alone=True,
    evidence='Dstack-TEE/private-ai-gateway#43 "sockets left in CLOSE_WAIT"',
)
async def life_soak(bench: HandoffBench) -> None:
    """The daemon keeps no descriptor, process or memory of hundreds of exchanges."""
    broken = await bench.script(script(delta("Then"), ending="abort"))
    held: list[str] = []

    async def play(number: int) -> None:
        pattern, act = (
            ("short", None),
            ("abort:5", None),
            (broken, None),
            ("long", Exchange.close),
            ("long", Exchange.reset),
            ("long", Exchange.half_close),
            (None, None),
        )[number % 7]
        payload = b'{"prompt":' if pattern is None else None
        async with bench.exchange(pattern=pattern, payload=payload, clause="L4") as exchange:
            await exchange.start()
            if act is not None:
                act(exchange)
            await exchange.ended()
        held.append(exchange.held)

    async def cycles(count: int) -> bool:
        for start in range(0, count, AT_A_TIME):
            await asyncio.gather(*map(play, range(start, start + AT_A_TIME)))
        return await bench.released(*held)

    if not await cycles(CYCLES // 4):
        return
    before = bench.probe()
    await cycles(CYCLES)
    after = bench.probe()
    await bench.healthy()
    most = len(before.descriptors) + AT_A_TIME
    bench.at_most("descriptors", len(after.descriptors), most, "descriptors")
    grown = (after.rss - before.rss) / (1 << 20)
    bench.at_most("growth", grown, GROWTH, "MiB more memory", clause="L4")
    bench.check(
        len(after.pids) <= len(before.pids),
        "growth",
        expected=f"at most {plural(len(before.pids), 'process')}",
        actual=f"{len(after.pids)}",
        clause="L4",
    )
