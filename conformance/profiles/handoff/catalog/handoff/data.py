"""Handoff data: its size, and data that the daemon must refuse."""

import asyncio
from typing import Any

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.handoff.opening import Delivery
from conformance.profiles.handoff.payload import NO_DATA
from conformance.profiles.relay.exchange import Exchange
from conformance.profiles.relay.request import ORDINARY

WHOLE = 131_072
"""Bytes that every daemon must take in one message (H2)."""

LARGER = (131_073, 212_960, 400_000)
"""Bytes: one more; the most that the default send buffer lets through; with a larger buffer."""


# Its size


async def _sized(bench: HandoffBench, size: int) -> Checks:
    """An exchange whose handoff data has exactly this size in bytes."""
    bare = len(bench.exchange(request={"prompt": ""}).opening.request)
    async with bench.sender(send_buffer=size) as sender:
        request, delivery = {"prompt": "x" * (size - bare)}, Delivery(sender=sender)
        async with bench.exchange(request=request, delivery=delivery) as exchange:
            await exchange.start()
            sender.close()
            return await exchange.response()


def _taken_whole(checks: Checks) -> None:
    checks.request_unchanged(clause="H2").applied(None).content_as_sent().done_marker()


@scenario(clause="H2", evidence='osbuild/osbuild#1833 "SEQPACKET size limit"')
async def handoff_payload_whole(bench: HandoffBench) -> None:
    """The API receives handoff data of 131,072 bytes whole."""
    _taken_whole(await _sized(bench, WHOLE))


@scenario(clause="H2", evidence="recv(2), MSG_TRUNC; osbuild/osbuild#1833")
async def handoff_oversize(bench: HandoffBench) -> None:
    """The API receives larger handoff data whole, or the client receives 413."""
    for checks in await asyncio.gather(*(_sized(bench, size) for size in LARGER)):
        if checks.response.status == 200:
            _taken_whole(checks)
            continue
        checks.http_error(413, clause="H2").ended()
        bodies = [len(entry.body) for entry in checks.observation.upstream]
        bench.check(
            not bodies,
            "unasked",
            expected="no request to the API for data that was refused",
            actual=f"requests with bodies of {bodies} bytes",
        )


# Data that is refused


async def _refused(bench: HandoffBench, *exchanges: Exchange) -> None:
    async def refused(exchange: Exchange) -> None:
        (await bench.finished(exchange)).http_error(400, clause="H3").ended()

    await asyncio.gather(*map(refused, exchanges))
    await bench.unasked(*exchanges)
    await bench.released(*(exchange.held for exchange in exchanges))


@scenario(
    clause="H3", alone=True, evidence="handoff.md: without data the web server sends a lone 0x00"
)
async def handoff_empty(bench: HandoffBench) -> None:
    """The daemon answers 400 to data that is a lone zero byte or white space."""
    payloads = (NO_DATA, b" ", b"\r\n\t ")
    await _refused(bench, *(bench.exchange(payload=payload) for payload in payloads))


@scenario(clause="H3", needs=("socket=seqpacket",), evidence="recvmsg(2): a message may be empty")
async def handoff_empty_message(bench: HandoffBench) -> None:
    """The daemon answers 400 to an empty message that carries a descriptor."""
    async with bench.sender() as sender:
        exchange = bench.exchange(payload=b"", delivery=Delivery(sender=sender))
        (await bench.finished(exchange)).http_error(400, clause="H3").ended()


@scenario(clause=("H3", "L4"), alone=True, evidence="RFC 8259 2 and 8.1")
async def handoff_bad_json(bench: HandoffBench) -> None:
    """The daemon answers 400 to data that is not one JSON object."""
    payloads = (
        *(b"1", b"null", b"true", b'"prompt"', b'[{"prompt":"a"}]', b"prompt=Hello"),
        *(b"{", b'{"prompt":"Hel', b'{"prompt":"a",}', b"{'prompt':'a'}", b'{"prompt":"a"} x'),
        *(b'{"prompt":"a"}{"prompt":"b"}', b'{"prompt":"a","temperature":NaN}'),
        *(b'{"prompt":"\xff\xfe"}', b'{"prompt":"a\nb"}', b'{"prompt":"a"}\x00'),
        b'{"prompt":' + b"[" * 50_000,
    )
    await _refused(bench, *(bench.exchange(payload=payload) for payload in payloads))


@scenario(clause="H3", evidence='reasoned; handoff.md, "Handoff data"')
async def handoff_wrong_types(bench: HandoffBench) -> None:
    """The daemon answers 400 to a field of a wrong type."""
    requests: tuple[dict[str, Any], ...] = (
        *({"prompt": value} for value in (5, True, ["a"], {"text": "a"})),
        *({"messages": value} for value in ("a", {"role": "user", "content": "a"}, [5], ["a"])),
        {"messages": [{"role": 5, "content": "a"}]},
        {"messages": [{"role": "user", "content": 5}]},
        *({"system": 5}, {"model": 5}, {"model": ["a"]}, {"user_id": ["a"]}),
        *({"max_tokens": "64"}, {"max_tokens": [64]}, {"temperature": "0.5"}),
        *({"request_id": {}}, {"response_headers": "X-A: b"}, {"response_headers": ["X-A"]}),
    )
    await _refused(bench, *(bench.exchange(pattern=ORDINARY, request=each) for each in requests))


@scenario(clause="H3", needs=("body",), evidence='reasoned; handoff.md, "Handoff data"')
async def handoff_wrong_body(bench: HandoffBench) -> None:
    """The daemon answers 400 to a `body` that is not an object."""
    requests = [{"body": body} for body in ("n=2", 5, [{"n": 2}])]
    await _refused(bench, *(bench.exchange(pattern=ORDINARY, request=each) for each in requests))


@scenario(clause="H3", evidence='reasoned; handoff.md, "Handoff data"')
async def handoff_no_question(bench: HandoffBench) -> None:
    """The daemon answers 400 to data without prompt and messages, also where they are null."""
    fields: tuple[dict[str, Any], ...] = ({}, {"system": "Be brief."}, {"messages": None})
    await _refused(
        bench,
        bench.exchange(payload=b"{}"),
        *(bench.exchange(pattern=ORDINARY, request={"prompt": None, **each}) for each in fields),
    )


@scenario(clause=("H3", "L4"), evidence="RFC 8259 4: names should be unique")
async def handoff_duplicate_keys(bench: HandoffBench) -> None:
    """The daemon serves data with a duplicate name, or answers 400, and stays healthy."""
    twice = bench.exchange(
        pattern=ORDINARY, edit=lambda data: data[:-1] + b',"prompt":"Once more."}', clause="H3"
    )
    checks = await bench.finished(twice)
    if checks.response.status == 200:
        checks.applied(None).content_as_sent().done_marker()
    else:
        checks.http_error(400, clause="H3").ended()
    await bench.healthy()
