"""Good handoffs: the daemon serves every kind of descriptor, sender and delivery."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate, repeat
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.opening import Delivery
from conformance.profiles.relay.exchange import Exchange
from conformance.profiles.relay.request import ORDINARY

SMALL = 4096
"""Bytes of buffers so small that a client which does not read stops its daemon soon."""

HELD = finished(delta("Hold"), gate(1), delta(" on."))
"""An answer that stays in the middle until its gate is opened."""


@scenario(clause="H8", alone=True, evidence='fcntl(2): "O_NONBLOCK" is shared with the sender')
async def handoff_fd_flags(bench: HandoffBench) -> None:
    """The daemon serves blocking and non-blocking descriptors alike."""

    async def served(*, blocking: bool) -> None:
        exchange = bench.exchange(pattern="unicode", blocking=blocking, clause="H8")
        checks = await bench.finished(exchange)
        checks.content_as_sent().done_marker().applied("unicode")

    await asyncio.gather(*(served(blocking=blocking) for blocking in (True, False, True)))


PIECES = 200
"""Events of 1 KiB that a client does not read."""

AHEAD = 40
"""Events that have arrived: more than small buffers hold, less than the API may send unread."""

ROUNDS = 4
"""Other clients that are served meanwhile. The first may be served before the buffers are full."""


@scenario(
    script=finished(delta("Small. "), gate(1), repeat(PIECES, delta("k" * 1024))),
    clause=("H8", "L4"),
    alone=True,
    evidence='fcntl(2): "O_NONBLOCK" is shared with the sender',
)
async def handoff_fd_flags_stalled(bench: HandoffBench) -> None:
    """A stalled client on a blocking descriptor does not delay other clients."""
    async with bench.exchange(
        pattern=await bench.pattern(), blocking=True, receive_buffer=SMALL, send_buffer=SMALL
    ) as stalled:
        await stalled.start()
        await stalled.events(1)
        stalled.pause()
        await stalled.open_gate(1)
        await bench.upstream.wait_events(stalled.token, AHEAD, within=2.0 * bench.environment.scale)
        for _ in range(ROUNDS):
            await bench.healthy()
            if bench.findings:
                return  # the client that was held up has used all the time
        (await stalled.response()).chunk_count(1 + PIECES).content_as_sent().done_marker()


@scenario(clause="H9", evidence='manaflow-ai/cmux#5835 "socket fds leak into children"')
async def handoff_cloexec(bench: HandoffBench) -> None:
    """The daemon holds a client's descriptor with close-on-exec set."""
    pattern = await bench.script(HELD)
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        await exchange.events(1)
        held = [each for each in bench.probe().descriptors if each.target == exchange.held]
        bench.check(
            all(descriptor.close_on_exec for descriptor in held),
            "close_on_exec",
            expected="O_CLOEXEC in fdinfo of the client's descriptor",
            actual="flags " + ", ".join(f"0{descriptor.flags:o}" for descriptor in held),
        )
        await exchange.open_gate(1)
        (await exchange.response()).applied(pattern).content_as_sent().done_marker()


@scenario(clause=("H1", "L4"), evidence='Smithay/wayland-rs#647 "partial writes"')
async def handoff_joined(bench: HandoffBench) -> None:
    """Each of 48 handoffs that arrive back to back gets its own answer."""
    patterns = ("short", "unicode", "finish:length") * 16
    for checks in await asyncio.gather(*(bench.respond(pattern=name) for name in patterns)):
        checks.content_as_sent().done_marker()


@scenario(clause="H1", needs=("socket=stream",), evidence="unix(7), ancillary messages")
async def handoff_split(bench: HandoffBench) -> None:
    """The daemon joins handoff data that arrives in three parts."""
    async with bench.sender() as sender:
        exchange = bench.exchange(delivery=Delivery(sender=sender, cuts=(7, -5)))
        checks = await bench.finished(exchange)
        checks.request_unchanged(clause="H1").applied(None).content_as_sent().done_marker()


@scenario(clause="R8", evidence='RakuenSoftware/aimee#2297 "inherited socket hangs client"')
async def handoff_sender_copy(bench: HandoffBench) -> None:
    """The client sees EOF although the sender still holds a copy of the descriptor."""

    async def ended(pattern: str | None, request: Mapping[str, Any]) -> Checks:
        delivery = Delivery(keep_copy=True)
        exchange = bench.exchange(pattern=pattern, request=request, delivery=delivery)
        return await bench.finished(exchange)

    whole, broken, refused = await asyncio.gather(
        ended("short", {}), ended("abort:3", {}), ended(ORDINARY, {"prompt": 5})
    )
    whole.done_marker()
    broken.failed_stream()
    refused.http_error(400, clause="H3").ended()


@scenario(clause="H1", alone=True, evidence="handoff.md: the web server closes its end at once")
async def handoff_sender_gone(bench: HandoffBench) -> None:
    """The daemon serves a queued handoff whose sender has left."""
    await bench.stopped()
    exchanges = [bench.exchange(pattern="short") for _ in range(3)]
    async with AsyncExitStack() as stack:
        for exchange in exchanges:
            await stack.enter_async_context(exchange)
            await exchange.start()
        bench.daemon.send_signal(signal.SIGCONT)
        for exchange in exchanges:
            (await exchange.response()).applied("short").content_as_sent().done_marker()


@scenario(clause="H10", evidence='Dstack-TEE/private-ai-gateway#43 "sockets left in CLOSE_WAIT"')
async def handoff_released(bench: HandoffBench) -> None:
    """The daemon holds no descriptor after an exchange, however it ended."""

    async def ended(pattern: str | None, act: Callable[[Exchange], object] | None = None) -> str:
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            if act is not None:
                act(exchange)
            await exchange.ended()
        return exchange.held

    async def refused() -> str:
        async with bench.exchange(payload=b"{") as exchange:
            await exchange.start()
            await exchange.ended()
        return exchange.held

    async def left_before() -> str:
        async with bench.exchange() as exchange:
            exchange.close()
            await exchange.start()
        return exchange.held

    held = await asyncio.gather(
        ended("short"),
        ended("abort:3"),
        ended("long", Exchange.close),
        ended("long", Exchange.reset),
        ended("long", Exchange.half_close),
        refused(),
        left_before(),
    )
    await bench.released(*held)
    await bench.healthy(clause="H10")
