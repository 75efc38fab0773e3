"""SIGTERM: running streams are finished or failed, queued handoffs served, the status is 0."""

import errno
import signal
from contextlib import AsyncExitStack

from conformance.core.scenario import Api, Start, scenario
from conformance.core.script import delta, script, stall
from conformance.daemon.instance import try_connect
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.catalog.handoff.served import SMALL
from conformance.profiles.handoff.catalog.lifecycle.ending import exits, held, let_go

STALLED = script(delta("Hold"), stall())

SHUTDOWN = 0.5
"""Seconds that running streams have after SIGTERM, where the scenario sets them."""

IMPATIENT = Start(options={"shutdown_timeout": str(SHUTDOWN)})

PROMPTLY = 1.5
"""Seconds in which a daemon ends once it need not wait any more."""

LINGERING = 1.0
"""Seconds for which the daemon may hold its last client (R8)."""

HANG = 'rivet-dev/sandbox-agent#315 "shutdown cannot hang on streams"'


async def _refuses(bench: HandoffBench) -> None:
    """Wait until the daemon accepts no more handoffs, as L2 asks from SIGTERM on."""
    daemon = bench.daemon
    accepting = (None, errno.EAGAIN)
    bench.check(
        await bench.until(
            lambda: try_connect(daemon.socket, daemon.socket_type) not in accepting, within=2.0
        ),
        "stops_accepting",
        expected="no connection is accepted after SIGTERM",
        actual="connections are still accepted after 2 s",
    )


@scenario(clause=("L2", "L1"), alone=True, evidence="reasoned; systemd.kill(5), SIGTERM")
async def life_sigterm_idle(bench: HandoffBench) -> None:
    """An idle daemon exits with 0 on SIGTERM at once, and removes its socket."""
    await bench.healthy()
    bench.daemon.send_signal(signal.SIGTERM)
    await exits(bench, within=LINGERING + PROMPTLY)
    bench.check(
        not bench.daemon.socket.exists(),
        "socket_removed",
        expected="the daemon removes its own socket file on exit",
        actual="it is still there",
        clause="L1",
    )


@scenario(
    clause="L2",
    everywhere=True,
    alone=True,
    evidence='PostHog/posthog#73863 "drain in-flight streams"; sysid/sse-starlette#157',
)
async def life_sigterm_drain(bench: HandoffBench) -> None:
    """The daemon finishes a running stream after SIGTERM, accepts no other, and exits with 0."""
    async with held(bench) as exchange:
        bench.daemon.send_signal(signal.SIGTERM)
        await _refuses(bench)
        await let_go(exchange)
    await exits(bench, within=LINGERING + PROMPTLY)


@scenario(clause="L2", alone=True, evidence="reasoned; handoffs in the backlog have no other home")
async def life_sigterm_queued(bench: HandoffBench) -> None:
    """The daemon serves handoffs that were queued when SIGTERM came."""
    # At rest: it must not stop while the news of a connection is on its way to it.
    await bench.released((await bench.healthy()).held)
    await bench.stopped()
    queued = [bench.exchange(pattern="short") for _ in range(5)]
    async with AsyncExitStack() as stack:
        for exchange in queued:
            await stack.enter_async_context(exchange)
            await exchange.start()
        bench.daemon.send_signal(signal.SIGTERM)
        bench.daemon.send_signal(signal.SIGCONT)
        for exchange in queued:
            (await exchange.response()).content_as_sent().done_marker().applied("short")
    await exits(bench, within=LINGERING + PROMPTLY)


@scenario(clause=("L2", "R6"), everywhere=True, alone=True, start=IMPATIENT, evidence=HANG)
async def life_sigterm_bound(bench: HandoffBench) -> None:
    """The daemon fails a stream that outlasts the shutdown timeout, and exits with 0."""
    async with bench.exchange(pattern=await bench.script(STALLED)) as exchange:
        await exchange.start()
        await exchange.events(1)
        bench.daemon.send_signal(signal.SIGTERM)
        await exits(bench, within=SHUTDOWN + PROMPTLY)
        checks = await exchange.response()
        checks.chunk_count(1).no_finish_reason().no_done_marker().failed_stream()


@scenario(
    clause=("L2", "R5"),
    everywhere=True,
    alone=True,
    start=Start(options=IMPATIENT.options, api=Api.SILENT),
    evidence=HANG,
)
async def life_sigterm_unbegun(bench: HandoffBench) -> None:
    """A client without a head receives an error status at the shutdown timeout."""
    async with bench.exchange() as exchange:
        await exchange.start()
        bench.daemon.send_signal(signal.SIGTERM)
        await exits(bench, within=SHUTDOWN + PROMPTLY)
        # To this client the daemon is out of service, or the API is too late.
        (await exchange.response()).http_error(502, 503, 504, clause="L2").ended()


@scenario(clause="L2", everywhere=True, alone=True, start=IMPATIENT, evidence=HANG)
async def life_sigterm_stalled(bench: HandoffBench) -> None:
    """The daemon exits on time although a client does not read."""
    async with bench.exchange(
        pattern="abort:3000", receive_buffer=SMALL, send_buffer=SMALL
    ) as stalled:
        await stalled.start()
        await stalled.head()
        stalled.pause()
        bench.daemon.send_signal(signal.SIGTERM)
        await exits(bench, within=SHUTDOWN + PROMPTLY)
        (await stalled.response()).no_done_marker()


@scenario(clause="L2", alone=True, evidence=f"{HANG}, second SIGTERM")
async def life_sigterm_twice(bench: HandoffBench) -> None:
    """The daemon exits at once on a second SIGTERM, without sending `[DONE]`."""
    async with held(bench) as exchange:
        bench.daemon.send_signal(signal.SIGTERM)
        await _refuses(bench)
        bench.daemon.send_signal(signal.SIGTERM)
        await exits(bench, within=PROMPTLY, statuses=(0, 1, -signal.SIGTERM, 128 + signal.SIGTERM))
        (await exchange.response()).chunk_count(1).no_done_marker()
