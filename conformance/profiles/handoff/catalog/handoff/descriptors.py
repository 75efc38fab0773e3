"""Missing, extra and wrong descriptors."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from conformance.checks import Checks
from conformance.core.evidence import Ending
from conformance.core.quoting import plural
from conformance.core.scenario import Start, scenario
from conformance.daemon import proc
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.catalog.handoff.served import HELD
from conformance.profiles.handoff.client_pair import target
from conformance.profiles.handoff.extra_descriptors import extra_clients, received, wrong_kinds
from conformance.profiles.handoff.opening import Delivery
from conformance.profiles.handoff.payload import NO_DATA
from conformance.profiles.handoff.sender import Sender

FEW = 64
"""RLIMIT_NOFILE with which a daemon can start and serve a client, and soon has no more."""


def _closed(checks: Checks) -> bool:
    """Whether the client was closed without a byte, and without a request to the API."""
    transcript = checks.response.transcript
    ended = transcript.ending in (Ending.EOF, Ending.RESET)
    return ended and not transcript.reads and not checks.observation.upstream


def _check_closed(bench: HandoffBench, check: str, checks: Checks) -> None:
    bench.check(
        _closed(checks),
        check,
        expected="the client is closed, unwritten to, and the API is not asked",
        actual=f"{checks.response.transcript.raw[:80]!r}, "
        f"{plural(len(checks.observation.upstream), 'request')}",
    )


@scenario(clause="H4", evidence='freeunitorg/freeunit#264 "truncation invisible to handlers"')
async def handoff_no_fd(bench: HandoffBench) -> None:
    """The daemon drops a message without a descriptor, and other clients are unaffected."""
    pattern = await bench.script(HELD)
    async with bench.exchange(pattern=pattern) as other:
        await other.start()
        await other.events(1)
        lost = [bench.exchange(), bench.exchange(payload=b"{"), bench.exchange(payload=NO_DATA)]
        for exchange in lost:
            async with bench.sender() as sender:
                await sender.send(exchange.opening.request)
                sender.end()
                await bench.left(sender)
        await bench.unasked(*lost)
        await other.open_gate(1)
        (await other.response()).applied(pattern).events_in_order().done_marker()


@scenario(clause="H5", evidence='oven-sh/bun#37427 "close the extra descriptors"; unix(7)')
async def handoff_extra_fds(bench: HandoffBench) -> None:
    """The daemon serves the first of 2 or 61 descriptors, and closes the others."""

    async def hand_over(extra: int) -> None:
        with extra_clients(extra) as others:
            delivery = Delivery(after=[pair.server.fileno() for pair in others])
            async with bench.exchange(delivery=delivery) as exchange:
                await exchange.start()
                targets = [target(pair.server.fileno()) for pair in others]
                for pair in others:
                    pair.server.close()
                checks = await exchange.response()
                # A receiver with little room gets MSG_CTRUNC, and may close all.
                if not _closed(checks):
                    checks.applied(None).content_as_sent().done_marker()
            await bench.released(*targets, clause="H5")
            await bench.released(exchange.held)
            written = b"".join(received(pair.client) for pair in others)
            bench.check(
                not written,
                "extra_clients",
                expected="nothing is written to other descriptors than the first",
                actual=repr(written[:80]),
            )

    await asyncio.gather(hand_over(1), hand_over(60))
    await bench.healthy(clause="H5")


@scenario(clause=("H6", "H3"), evidence="reasoned; getpeername(2), SO_TYPE in socket(7)")
async def handoff_wrong_fd(bench: HandoffBench) -> None:
    """The daemon closes a descriptor that is not a connected stream, without writing to it."""
    exchange = bench.exchange()
    with wrong_kinds() as descriptors:
        for descriptor in descriptors:
            for payload in (exchange.opening.request, b"{"):
                async with bench.sender() as sender:
                    await sender.send(payload, [descriptor])
                    sender.end()
                    await bench.left(sender)
        await bench.released(*map(target, descriptors), clause="H6")
        for descriptor, read in descriptors.items():
            bench.check(
                not (written := read()),
                "wrong_kind",
                expected=f"nothing is written to {target(descriptor)}",
                actual=repr(written[:80]),
            )
    await bench.unasked(exchange)


@scenario(clause=("H5", "H6"), evidence="reasoned; unix(7), SCM_RIGHTS")
async def handoff_first_decides(bench: HandoffBench) -> None:
    """The daemon does not serve the second descriptor where the first is not a client."""
    with wrong_kinds() as descriptors:
        first = next(iter(descriptors))
        exchange = bench.exchange(delivery=Delivery(before=[first]))
        _check_closed(bench, "first_decides", await bench.finished(exchange))
        await bench.unasked(exchange)
        await bench.released(exchange.held, clause="H5")
        await bench.released(target(first), clause="H6")


@scenario(
    clause=("H5", "L4"),
    alone=True,
    start=Start(nofile=FEW),
    evidence='systemd/systemd#42043 "tolerate truncated rights"; rr-debugger/rr#3870; unix(7)',
)
async def handoff_ctrunc(bench: HandoffBench) -> None:
    """The daemon drops a handoff whose descriptors were lost at RLIMIT_NOFILE."""
    if not await bench.released((await bench.healthy()).held):
        return  # the number of free descriptors of a daemon that leaks cannot be set
    async with AsyncExitStack() as stack:
        # Room for one of two descriptors, then for none.
        for room in (1, 0):
            peer = await _fill(bench, stack, room)
            if peer is None:
                return
            with extra_clients(room) as others:
                extra = [pair.server.fileno() for pair in others]
                exchange = bench.exchange(delivery=Delivery(sender=peer, after=extra))
                _check_closed(bench, "dropped", await bench.finished(exchange))
            await bench.left(peer)
            await bench.released(exchange.held, clause="H5")
    # Until it has noticed that the peers are gone, a daemon is full and rightly drops.
    await bench.until(lambda: _room(bench) > FEW // 4, within=2.0)
    await bench.healthy()


async def _fill(bench: HandoffBench, stack: AsyncExitStack, room: int) -> Sender | None:
    """Connect peers until the daemon has room for `room` descriptors; the last peer.

    None where it does not accept them all.
    """
    while True:
        before = _room(bench)
        peer = await stack.enter_async_context(bench.sender())
        accepted = bench.check(
            await bench.until(partial(_fuller, bench, before), within=1.0),
            "accepts",
            expected=f"a peer is accepted while there is room for {plural(before, 'descriptor')}",
            actual="it was not within 1 s",
            clause="L4",
        )
        if not accepted:
            return None
        if _room(bench) <= room:
            return peer


def _room(bench: HandoffBench) -> int:
    return FEW - proc.descriptor_count(bench.daemon.pid)


def _fuller(bench: HandoffBench, before: int) -> bool:
    return _room(bench) < before
