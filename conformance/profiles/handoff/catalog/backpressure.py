"""A client that stalls for too long."""

from conformance.core.scenario import Start, scenario
from conformance.core.script import delta, finished, repeat
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.relay.catalog.backpressure import FROZEN, STALLED


@scenario(
    script=finished(repeat(400, delta("0123456789abcdef" * 64))),
    clause=("H10", "L3", "U7"),
    everywhere=True,
    alone=True,
    start=Start(options={"write_timeout": "0.4", "max_connections": "1"}),
    evidence=FROZEN,
)
async def backp_stall_deadline(bench: HandoffBench) -> None:
    """The daemon gives up a client that does not read for the write timeout."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern, **STALLED) as exchange:
        await exchange.start()
        await exchange.head()
        exchange.pause()
        await exchange.applied(pattern)
        await bench.released(exchange.held)
        if not bench.findings:
            await exchange.upstream_ended(clause="U7")
            await bench.served_again()
            (await exchange.response()).no_done_marker()
