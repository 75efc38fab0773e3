"""A client with very small buffers."""

from conformance.core.scenario import scenario
from conformance.core.script import delta, finished
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.client_pair import ClientKind


@scenario(
    script=finished(*(delta(f"{n:02d} " + "é中😀" * 40) for n in range(70))),
    clause=("R2", "R3", "U6"),
    everywhere=True,
    evidence='Allenxuxu/gev#60 "EAGAIN drops unwritten remainder"',
)
async def chunks_short_writes(bench: HandoffBench) -> None:
    """A client with very small buffers that reads in sips receives every byte once."""
    for client in ClientKind:
        exchange = bench.exchange(
            pattern=await bench.pattern(),
            client=client,
            # Small enough to fill up, and not smaller: for an event larger than the window any
            # sender waits 200 ms (RFC 9293 3.8.6.2, silly window syndrome).
            receive_buffer=4096,
            send_buffer=4096,
            read_size=61,  # cuts code points as well
        )
        response = (await bench.finished(exchange)).applied(await bench.pattern())
        response.relayed()
