"""How a gateway stops, and what it does when it is full."""

import socket

from conformance.core.scenario import Start, scenario
from conformance.core.script import delta, finished, gate
from conformance.profiles.gateway.bench import GatewayBench

HELD = finished(delta("Hold"), gate(1), delta(" on."))

STOPPING = 5.0
"""Seconds from the end of the last stream to the process's end."""


def _refuses(bench: GatewayBench) -> bool:
    """Whether the gateway accepts no new connection."""
    try:
        socket.create_connection((bench.target.host, bench.target.port), timeout=0.1).close()
    except OSError:
        return True
    return False


@scenario(clause="L2", everywhere=True, alone=True, evidence="nginx: SIGQUIT; HAProxy: SIGUSR1")
async def stop_finishes_streams(bench: GatewayBench) -> None:
    """The gateway finishes a running stream after it was asked to stop, and then ends."""
    async with bench.exchange(pattern=await bench.script(HELD)) as exchange:
        await exchange.start()
        await exchange.events(1)
        await bench.daemon.ask_to_stop()
        await bench.until(lambda: _refuses(bench), within=1.0)  # it has noticed
        await exchange.open_gate(1)
        (await exchange.response()).no_error().content("Hold on.").done_marker()
    ended = await bench.until(lambda: not bench.daemon.alive(), within=STOPPING)
    bench.check(
        ended,
        "ends",
        expected=f"the gateway ends within {bench.stretched(STOPPING)}, after its last stream",
        actual="it is still running",
    )


@scenario(
    clause="L3",
    alone=True,
    start=Start(options={"max_connections": "2"}),
    evidence="RFC 9110 15.6.4",
)
async def full_then_free(bench: GatewayBench) -> None:
    """A gateway with two places refuses a third client, and serves again when there is room."""
    pattern = await bench.script(HELD)
    async with bench.exchange(pattern=pattern) as first, bench.exchange(pattern=pattern) as second:
        for exchange in (first, second):
            await exchange.start()
            await exchange.events(1)
        async with bench.exchange(pattern="short") as third:
            await third.start()
            checks = await third.response()
        answered = checks.response.transcript.reads
        bench.check(
            not answered or checks.response.status == 503,
            "refused",
            expected="503, or a closed connection",
            actual=f"status {checks.response.status}",
            where="response",
        )
        for exchange in (first, second):
            await exchange.open_gate(1)
            (await exchange.response()).no_error().content("Hold on.").done_marker()
    await bench.served_again()
