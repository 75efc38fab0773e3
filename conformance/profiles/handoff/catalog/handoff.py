"""How a client's socket changes hands: good handoffs of every kind, and every bad one."""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from conformance.checks import Checks
from conformance.core.evidence import Ending
from conformance.core.quoting import plural
from conformance.core.scenario import Start, scenario
from conformance.core.script import delta, finished, gate, repeat
from conformance.daemon import proc
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.client_pair import target
from conformance.profiles.handoff.extra_descriptors import companions, heard, wrong_kinds
from conformance.profiles.handoff.opening import Delivery
from conformance.profiles.handoff.payload import NO_DATA
from conformance.profiles.handoff.sender import Sender
from conformance.profiles.relay.exchange import Exchange
from conformance.profiles.relay.request import ORDINARY

WHOLE = 131_072
"""Bytes that every daemon must take in one message (H2)."""

LARGER = (131_073, 212_960, 400_000)
"""Bytes: one more; the most that the default send buffer lets through; what a larger one would."""

SMALL = 4096
"""Bytes of buffers so small that a client which does not read stops its daemon soon."""

HELD = finished(delta("Hold"), gate(1), delta(" on."))
"""An answer that stays in the middle until its gate is opened."""

HANDOFF_TIMEOUT = 0.5
"""Seconds a peer has to send its handoff, where that is tried."""

FEW = 64
"""RLIMIT_NOFILE with which a daemon can start and serve somebody, and soon has no more."""


def _served(checks: Checks) -> None:
    checks.applied(None).content_as_sent().done_marker()


def _closed(checks: Checks) -> bool:
    """Whether the client was closed without a word, and without a request to the API."""
    transcript = checks.response.transcript
    ended = transcript.ending in (Ending.EOF, Ending.RESET)
    return ended and not transcript.reads and not checks.observation.upstream


async def _refused(bench: HandoffBench, *exchanges: Exchange, clause: str = "H3") -> None:
    async def refused(exchange: Exchange) -> None:
        async with exchange:
            await exchange.start()
            (await exchange.response()).http_error(400, clause=clause).ended()

    await asyncio.gather(*map(refused, exchanges))
    await bench.unasked(*exchanges, clause=clause)
    await bench.released(*(each.held for each in exchanges))


# Good ones


@scenario(clause="H8", alone=True, evidence='fcntl(2): "O_NONBLOCK" is shared with the sender')
async def handoff_fd_flags(bench: HandoffBench) -> None:
    """Blocking descriptors and non-blocking ones are served alike."""

    async def served(*, blocking: bool) -> None:
        async with bench.exchange(pattern="unicode", blocking=blocking, clause="H8") as exchange:
            await exchange.start()
            checks = await exchange.response()
            checks.content_as_sent().done_marker().applied("unicode")

    await asyncio.gather(*(served(blocking=each) for each in (True, False, True)))


PIECES = 200
"""Events of 1 KiB that a client does not read."""

AHEAD = 40
"""Those that have come: more than small buffers hold, less than the API may send unread."""

ROUNDS = 4
"""Others that are served meanwhile. The first may be served before nothing more fits."""


@scenario(
    script=finished(delta("Small. "), gate(1), repeat(PIECES, delta("k" * 1024))),
    clause=("H8", "L4"),
    alone=True,
    evidence='fcntl(2): "O_NONBLOCK" is shared with the sender',
)
async def handoff_fd_flags_stalled(bench: HandoffBench) -> None:
    """A client that does not read, on a blocking descriptor, holds nobody else up."""
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
                return  # who was held up has taken all the time
        (await stalled.response()).chunk_count(1 + PIECES).content_as_sent().done_marker()


@scenario(clause="H9", evidence='manaflow-ai/cmux#5835 "socket fds leak into children"')
async def handoff_cloexec(bench: HandoffBench) -> None:
    """A client's descriptor is closed in every program that the daemon executes."""
    pattern = await bench.script(HELD)
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        await exchange.events(1)
        held = [each for each in bench.probe().descriptors if each.target == exchange.held]
        bench.check(
            all(each.close_on_exec for each in held),
            "close_on_exec",
            expected="O_CLOEXEC in fdinfo of the client's descriptor",
            actual="flags " + ", ".join(f"0{each.flags:o}" for each in held),
        )
        await exchange.open_gate(1)
        (await exchange.response()).applied(pattern).content_as_sent().done_marker()


@scenario(clause=("H1", "L4"), evidence='Smithay/wayland-rs#647 "partial writes"')
async def handoff_joined(bench: HandoffBench) -> None:
    """Of 48 handoffs that arrive back to back, each gets its own answer."""
    patterns = ("short", "unicode", "finish:length") * 16
    for checks in await asyncio.gather(*(bench.respond(pattern=each) for each in patterns)):
        checks.content_as_sent().done_marker()


@scenario(clause="H1", needs=("socket=stream",), evidence="unix(7), ancillary messages")
async def handoff_split(bench: HandoffBench) -> None:
    """Handoff data that comes in three sends, the descriptor with the first, is put together."""
    async with bench.sender() as sender:
        delivery = Delivery(sender=sender, cuts=(7, -5))
        async with bench.exchange(delivery=delivery) as exchange:
            await exchange.start()
            checks = await exchange.response()
        checks = await exchange.response()
        _served(checks.request_unchanged(clause="H1"))


@scenario(clause="R8", evidence='RakuenSoftware/aimee#2297 "inherited socket hangs client"')
async def handoff_sender_copy(bench: HandoffBench) -> None:
    """The client sees EOF although the sender still holds a copy, however the exchange ends."""

    async def ended(pattern: str | None, request: Mapping[str, Any]) -> Checks:
        async with bench.exchange(
            pattern=pattern, request=request, delivery=Delivery(keep_copy=True)
        ) as exchange:
            await exchange.start()
            return await exchange.response()

    whole, broken, refused = await asyncio.gather(
        ended("short", {}), ended("abort:3", {}), ended(ORDINARY, {"prompt": 5})
    )
    whole.done_marker()
    broken.failed_stream()
    refused.http_error(400, clause="H3").ended()


@scenario(clause="H1", alone=True, evidence="handoff.md: the web server closes its end at once")
async def handoff_sender_gone(bench: HandoffBench) -> None:
    """A handoff is served whose sender left while it was still in the queue."""
    await bench.stopped()
    exchanges = [bench.exchange(pattern="short") for _ in range(3)]
    async with AsyncExitStack() as stack:
        for each in exchanges:
            await stack.enter_async_context(each)
            await each.start()
        bench.daemon.send_signal(signal.SIGCONT)
        for each in exchanges:
            checks = (await each.response()).applied("short")
            checks.content_as_sent().done_marker()


# The size of the data


async def _sized(bench: HandoffBench, size: int) -> Checks:
    """An exchange whose handoff data is exactly so many bytes long."""
    bare = len(bench.exchange(request={"prompt": ""}).opening.request)
    async with bench.sender(send_buffer=size) as sender:
        request, delivery = {"prompt": "x" * (size - bare)}, Delivery(sender=sender)
        async with bench.exchange(request=request, delivery=delivery) as exchange:
            await exchange.start()
            sender.close()
            return await exchange.response()


@scenario(clause="H2", evidence='osbuild/osbuild#1833 "SEQPACKET size limit"')
async def handoff_payload_whole(bench: HandoffBench) -> None:
    """Handoff data of 131,072 bytes reaches the API whole."""
    _served((await _sized(bench, WHOLE)).request_unchanged(clause="H2"))


@scenario(clause="H2", evidence="recv(2), MSG_TRUNC; osbuild/osbuild#1833")
async def handoff_oversize(bench: HandoffBench) -> None:
    """Larger handoff data reaches the API whole, or is refused with 413 and never cut."""
    for checks in await asyncio.gather(*(_sized(bench, size) for size in LARGER)):
        if checks.response.status == 200:
            _served(checks.request_unchanged(clause="H2"))
        else:
            checks.http_error(413, clause="H2").ended()
            asked = len(checks.observation.upstream)
            bench.check(
                not asked,
                "unasked",
                expected="no request to the API for data that was refused",
                actual=f"{asked}, with a body of {len(checks.observation.upstream[-1].body)} bytes"
                if asked
                else "",
            )


# Bad data


@scenario(clause="H3", evidence="handoff.md: without data the web server sends a lone 0x00")
async def handoff_empty(bench: HandoffBench) -> None:
    """A handoff without data is answered with 400: a lone zero byte, or nothing but white space."""
    payloads = (NO_DATA, b" ", b"\r\n\t ")
    await _refused(bench, *(bench.exchange(payload=each) for each in payloads))


@scenario(clause="H3", needs=("socket=seqpacket",), evidence="recvmsg(2): a message may be empty")
async def handoff_empty_message(bench: HandoffBench) -> None:
    """A message of no bytes that carries a descriptor is a handoff without data, not an EOF."""
    async with (
        bench.sender() as sender,
        bench.exchange(payload=b"", delivery=Delivery(sender=sender)) as exchange,
    ):
        await exchange.start()
        (await exchange.response()).http_error(400, clause="H3").ended()


@scenario(clause=("H3", "L4"), evidence="RFC 8259 2 and 8.1")
async def handoff_bad_json(bench: HandoffBench) -> None:
    """Data that is not one JSON object is answered with 400."""
    payloads = (
        *(b"1", b"null", b"true", b'"prompt"', b'[{"prompt":"a"}]', b"prompt=Hello"),
        *(b"{", b'{"prompt":"Hel', b'{"prompt":"a",}', b"{'prompt':'a'}", b'{"prompt":"a"} x'),
        *(b'{"prompt":"a"}{"prompt":"b"}', b'{"prompt":"a","temperature":NaN}'),
        *(b'{"prompt":"\xff\xfe"}', b'{"prompt":"a\nb"}', b'{"prompt":"a"}\x00'),
        b'{"prompt":' + b"[" * 50_000,
    )
    await _refused(bench, *(bench.exchange(payload=each) for each in payloads))


@scenario(clause="H3", evidence='reasoned; handoff.md, "Handoff data"')
async def handoff_wrong_types(bench: HandoffBench) -> None:
    """A field of a wrong type is answered with 400, whatever else is there."""
    fields: tuple[dict[str, Any], ...] = (
        *({"prompt": each} for each in (5, True, ["a"], {"text": "a"})),
        *({"messages": each} for each in ("a", {"role": "user", "content": "a"}, [5], ["a"])),
        {"messages": [{"role": 5, "content": "a"}]},
        {"messages": [{"role": "user", "content": 5}]},
        *({"system": 5}, {"model": 5}, {"model": ["a"]}, {"user_id": ["a"]}),
        *({"max_tokens": "64"}, {"max_tokens": [64]}, {"temperature": "0.5"}),
        *({"request_id": {}}, {"response_headers": "X-A: b"}, {"response_headers": ["X-A"]}),
    )
    await _refused(bench, *(bench.exchange(pattern=ORDINARY, request=each) for each in fields))


@scenario(clause="H3", needs=("body",), evidence='reasoned; handoff.md, "Handoff data"')
async def handoff_wrong_body(bench: HandoffBench) -> None:
    """A `body` that is no object is answered with 400."""
    bodies = ("n=2", 5, [{"n": 2}])
    await _refused(
        bench, *(bench.exchange(pattern=ORDINARY, request={"body": each}) for each in bodies)
    )


@scenario(clause="H3", evidence='reasoned; handoff.md, "Handoff data"')
async def handoff_no_question(bench: HandoffBench) -> None:
    """Data with neither prompt nor messages is answered with 400; null is nothing."""
    fields: tuple[dict[str, Any], ...] = ({}, {"system": "Be brief."}, {"messages": None})
    await _refused(
        bench,
        bench.exchange(payload=b"{}"),
        *(bench.exchange(pattern=ORDINARY, request={"prompt": None, **each}) for each in fields),
    )


@scenario(clause=("H3", "L4"), evidence="RFC 8259 4: names should be unique")
async def handoff_duplicate_keys(bench: HandoffBench) -> None:
    """Data with a name that stands twice is served or answered with 400, and hurts nobody."""
    twice = bench.exchange(
        pattern=ORDINARY, edit=lambda data: data[:-1] + b',"prompt":"Once more."}', clause="H3"
    )
    async with twice as exchange:
        await exchange.start()
        checks = await exchange.response()
    if checks.response.status == 200:
        _served(checks)
    else:
        checks.http_error(400, clause="H3").ended()
    await bench.healthy()


# Bad descriptors


@scenario(clause="H4", evidence='freeunitorg/freeunit#264 "truncation invisible to handlers"')
async def handoff_no_fd(bench: HandoffBench) -> None:
    """A message without a descriptor is dropped, and no other client is taken for its own."""
    pattern = await bench.script(HELD)
    async with bench.exchange(pattern=pattern) as other:
        await other.start()
        await other.events(1)
        lost = [bench.exchange(), bench.exchange(payload=b"{"), bench.exchange(payload=NO_DATA)]
        for each in lost:
            async with bench.sender() as sender:
                await sender.send(each.opening.request)
                sender.end()
                await bench.left(sender)
        await bench.unasked(*lost)
        await other.open_gate(1)
        checks = (await other.response()).applied(pattern)
        checks.events_in_order().done_marker()


@scenario(clause="H5", evidence='oven-sh/bun#37427 "close the extra descriptors"; unix(7)')
async def handoff_extra_fds(bench: HandoffBench) -> None:
    """Of 2 and of 61 descriptors the first is served; the others are closed, unspoken to."""

    async def hand(extra: int) -> None:
        with companions(extra) as others:
            delivery = Delivery(after=[each.server.fileno() for each in others])
            async with bench.exchange(delivery=delivery) as exchange:
                await exchange.start()
                targets = [target(each.server.fileno()) for each in others]
                for each in others:
                    each.server.close()
                checks = await exchange.response()
                # Receivers with little room are told MSG_CTRUNC, and may close all.
                if not _closed(checks):
                    _served(checks)
            await bench.released(*targets, clause="H5")
            await bench.released(exchange.held)
            said = b"".join(heard(each.client) for each in others)
            bench.check(
                not said,
                "companions",
                expected="nothing is written to other descriptors than the first",
                actual=repr(said[:80]),
            )

    await asyncio.gather(hand(1), hand(60))
    await bench.healthy(clause="H5")


@scenario(clause=("H6", "H3"), evidence="reasoned; getpeername(2), SO_TYPE in socket(7)")
async def handoff_wrong_fd(bench: HandoffBench) -> None:
    """A pipe, a file, a listening, an unconnected, a datagram socket: closed, unwritten to."""
    asked = bench.exchange()
    with wrong_kinds() as descriptors:
        for descriptor in descriptors:
            for payload in (asked.opening.request, b"{"):
                async with bench.sender() as sender:
                    await sender.send(payload, [descriptor])
                    sender.end()
                    await bench.left(sender)
        await bench.released(*map(target, descriptors), clause="H6")
        for descriptor, hear in descriptors.items():
            bench.check(
                not (said := hear()),
                "wrong_kind",
                expected=f"nothing is written to {target(descriptor)}",
                actual=repr(said[:80]),
            )
    await bench.unasked(asked)


@scenario(clause=("H5", "H6"), evidence="reasoned; unix(7), SCM_RIGHTS")
async def handoff_first_decides(bench: HandoffBench) -> None:
    """When the first descriptor is no client the second one is not served in its place."""
    with wrong_kinds() as descriptors:
        first = next(iter(descriptors))
        async with bench.exchange(delivery=Delivery(before=[first])) as exchange:
            await exchange.start()
            checks = await exchange.response()
            bench.check(
                _closed(checks),
                "first_decides",
                expected="the second descriptor is closed, unwritten to",
                actual=repr(checks.response.transcript.raw[:80]),
            )
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
    """At RLIMIT_NOFILE, where descriptors are lost on the way, a handoff is dropped whole."""
    if not await bench.released((await bench.healthy()).held):
        return  # a daemon that leaks cannot be filled up with care
    async with AsyncExitStack() as stack:
        # Room for one of two descriptors, then for none.
        for room in (1, 0):
            peer = await _fill(bench, stack, room)
            if peer is None:
                return
            with companions(room) as others:
                extra = [each.server.fileno() for each in others]
                delivery = Delivery(sender=peer, after=extra)
                async with bench.exchange(delivery=delivery) as exchange:
                    await exchange.start()
                    checks = await exchange.response()
                    bench.check(
                        _closed(checks),
                        "dropped",
                        expected="the client is closed, unwritten to, and the API is not asked",
                        actual=f"{checks.response.transcript.raw[:80]!r}, "
                        f"{plural(len(checks.observation.upstream), 'request')}",
                    )
            await bench.left(peer)
            await bench.released(exchange.held, clause="H5")
    # Until it has noticed that the peers are gone, a daemon is full and rightly drops.
    await bench.until(lambda: _room(bench) > FEW // 4, within=2.0)
    await bench.healthy()


async def _fill(bench: HandoffBench, stack: AsyncExitStack, room: int) -> Sender | None:
    """Connect peers until the daemon can open only so many more descriptors; the last of them.

    None where it does not accept them all.
    """
    while True:
        before = _room(bench)
        peer = await stack.enter_async_context(bench.sender())
        accepted = await bench.until(partial(_fuller, bench, before), within=1.0)
        bench.check(
            accepted,
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


# Bad peers


@scenario(
    clause="H7",
    alone=True,
    start=Start(options={"handoff_timeout": str(HANDOFF_TIMEOUT)}),
    evidence="handoff.md: the web server gives up after 200 ms; a daemon must as well",
)
async def handoff_silent_peer(bench: HandoffBench) -> None:
    """Peers that connect and send nothing are given up in time, and nobody waits for them."""
    await bench.healthy()
    async with AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(bench.sender()) for _ in range(8)]
        began = time.monotonic()
        await bench.healthy(clause="H7")
        took = time.monotonic() - began
        # Who waits for each in turn needs the whole of their time.
        bench.check(
            took < len(silent) * HANDOFF_TIMEOUT / 2,
            "undelayed",
            expected=f"an answer before {len(silent)} silent peers have been given up in turn",
            actual=f"it took {took:.2f} s, with --handoff-timeout {HANDOFF_TIMEOUT:g}",
        )
        for each in silent:
            await bench.left(each, within=HANDOFF_TIMEOUT + 1.0)


@scenario(
    clause="H7",
    alone=True,
    start=Start(options={"handoff_timeout": str(HANDOFF_TIMEOUT)}),
    needs=("socket=stream",),
    evidence="reasoned; slow HTTP request bodies (Slowloris)",
)
async def handoff_unfinished(bench: HandoffBench) -> None:
    """A peer that sends half of its handoff data is given up in time, and its client closed."""
    async with AsyncExitStack() as stack:
        sender = await stack.enter_async_context(bench.sender())
        delivery = Delivery(sender=sender, ends=False)
        halved = bench.exchange(delivery=delivery, edit=lambda data: data[: len(data) // 2])
        exchange = await stack.enter_async_context(halved)
        await exchange.start()
        await bench.left(sender, within=HANDOFF_TIMEOUT + 1.0)
        (await exchange.response()).ended()
        await bench.unasked(exchange)


@scenario(clause=("H7", "H10"), alone=True, evidence="connect probes of monitors; reasoned")
async def handoff_knock(bench: HandoffBench) -> None:
    """Peers that connect and close are neither handoffs nor errors, and leave nothing behind."""
    await bench.released((await bench.healthy()).held)
    before = len(bench.probe().descriptors)
    for _ in range(50):
        async with bench.sender():
            pass
    await bench.healthy(clause="H7")
    await bench.until(lambda: len(bench.probe().descriptors) <= before, within=2.0)
    after = len(bench.probe().descriptors)
    bench.check(
        after <= before,
        "knocks",
        expected=f"{before} descriptors as before 50 peers came and went",
        actual=f"{after}",
        clause="H10",
    )


# What is left behind


@scenario(clause="H10", evidence='Dstack-TEE/private-ai-gateway#43 "sockets left in CLOSE_WAIT"')
async def handoff_released(bench: HandoffBench) -> None:
    """No descriptor is held after an exchange that finished, failed, was refused, left or reset."""

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

    async def gone() -> str:
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
        gone(),
    )
    await bench.released(*held)
    await bench.healthy(clause="H10")
