"""Clients that leave or send before the handoff, or stay after the answer."""

import asyncio
from collections.abc import Callable

from conformance.core.scenario import scenario
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.client_pair import ClientKind
from conformance.profiles.relay.catalog.disconnect import (
    LEAVE,
    LINGERING,
    SILENT,
    UNREAD,
    send_until,
)
from conformance.profiles.relay.exchange import Exchange

LINGER = 1.0
"""Seconds for which a daemon may hold a client that stays after the answer's end (R8)."""


@scenario(
    script=SILENT,
    clause=("U5", "H10"),
    alone=True,
    evidence='headroomlabs-ai/headroom#2882 "unconsumed body leaks stream"',
)
async def client_gone_at_handoff(bench: HandoffBench) -> None:
    """The daemon releases a client that left before its handoff, and ends its request."""
    pattern = await bench.pattern()

    async def gone(leave: Callable[[Exchange], None]) -> None:
        async with bench.exchange(pattern=pattern) as exchange:
            leave(exchange)
            await exchange.start()
            await bench.healthy()  # by then the daemon has received the handoff before it
            await bench.released(exchange.held)
            if await bench.upstream.journal(exchange.token):
                await exchange.upstream_ended()

    await asyncio.gather(*map(gone, LEAVE))


@scenario(
    script=SILENT,
    clause=("U5", "R8"),
    everywhere=True,
    evidence="RFC 9112 9.6; unread input hides the FIN",
)
async def client_input_then_gone(bench: HandoffBench) -> None:
    """The daemon notices that a client left whose input is unread."""
    pattern = await bench.pattern()

    async def gone(leave: Callable[[Exchange], None]) -> None:
        async with bench.exchange(pattern=pattern) as exchange:
            exchange.send(b"POST / HTTP/1.1\r\n" * 20)
            await exchange.start()
            await exchange.asked(clause="R8")
            await exchange.events(3)
            exchange.send(b"x" * 2000)
            leave(exchange)
            await exchange.upstream_ended()
            await exchange.applied(pattern)

    await asyncio.gather(*map(gone, LEAVE))


@scenario(pattern="abort:300", clause=("R8", "R2"), everywhere=True, evidence=LINGERING)
async def client_unread_input(bench: HandoffBench) -> None:
    """Unread input from before the handoff does not cost the client the answer's end."""
    async with bench.exchange(pattern="abort:300", **UNREAD) as exchange:
        exchange.send(b"POST / HTTP/1.1\r\n" * 1000)
        await exchange.start()
        await exchange.asked()
        await exchange.head()
        # The client reads on when the daemon may have closed: the bytes that a reset destroys
        # are still on their way then.
        exchange.pause()
        await exchange.upstream_ended(clause="R8")
        await bench.healthy()
        checks = (await exchange.response()).applied("abort:300")
        checks.content_as_sent().failed_stream()


@scenario(clause=("H10", "R8"), evidence="R8: at most 1 s, or 1 MiB")
async def client_stays(bench: HandoffBench) -> None:
    """The daemon closes a client that stays after the answer, silent or sending, in a second."""

    async def stay(*, sends: bool) -> None:
        async with bench.exchange(pattern="short") as exchange:
            await exchange.start()
            (await exchange.response()).applied("short").done_marker()
            sending = asyncio.create_task(send_until(exchange)) if sends else None
            await bench.released(exchange.held, within=LINGER + 1.0)
            if sending:
                sending.cancel()

    await asyncio.gather(stay(sends=False), stay(sends=True))


@scenario(
    clause="L4",
    alone=True,
    evidence='ding113/claude-code-hub#1239 "broken pipe crashes process"; signal(7), SIGPIPE',
)
async def client_gone_at_refusal(bench: HandoffBench) -> None:
    """The daemon survives writing an error answer to a client that has left."""

    async def gone(kind: ClientKind, leave: Callable[[Exchange], None]) -> None:
        async with bench.exchange(payload=b"{}", client=kind) as exchange:
            leave(exchange)
            await exchange.start()
            await bench.healthy()  # by then the daemon has received the handoff before it
            await bench.released(exchange.held)

    for kind in ClientKind:
        for leave in LEAVE:
            if not bench.findings:
                await gone(kind, leave)
