"""HTTP/2 to the API: one connection for many answers, and what may happen to one of them.

Whatever concerns a whole connection (GOAWAY, SETTINGS, its loss) has an instance
of its own: the streams of other scenarios would suffer with it.
"""

import asyncio
import json

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import (
    attempts,
    delta,
    finish,
    finished,
    frame,
    gate,
    goaway,
    repeat,
    script,
    settings,
    stall,
    write,
)
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.upstream import JSON

H2 = ("upstream=h2",)

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR = 0x0, 0x1, 0x2
REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0x7, 0x8, 0xB
"""RFC 9113 7."""

POOLED = 4
"""Connections more than before that a pool explains: as many as there are clients at a time."""

PING, CONTINUATION, UNKNOWN = 0x6, 0x9, 0xFA


def _connections(*checks: Checks) -> list[int]:
    return [each.connection for one in checks for each in one.observation.upstream]


def _whole(*answers: Checks) -> None:
    for checks in answers:
        checks.no_error().content_as_sent().done_marker()


async def _served(bench: RelayBench, *, clause: str | None = None) -> Checks:
    """A whole answer to a fresh request."""
    async with bench.exchange(pattern="short", clause=clause) as exchange:
        await exchange.start()
        checks = await exchange.response()
    _whole(checks)
    return checks.applied("short")


# RST_STREAM


@scenario(
    clause=("R6", "U4", "U8"),
    everywhere=True,
    needs=H2,
    alone=True,  # whoever waits on for ever is not to be woken by what others do to a connection
    evidence='RFC 9113 5.4.2; h2o/h2o#3566 "handle RST_STREAM NO_ERROR"',
)
async def http2_reset(bench: RelayBench) -> None:
    """A stream that is reset in the middle of its answer has failed, whatever the code."""
    codes = (
        *(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR),
        *(REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM, 0x1234),
    )
    for checks in await asyncio.gather(
        *(
            bench.respond(
                script=script(delta("Once"), delta(" upon"), ending="reset", reset_code=each)
            )
            for each in codes
        )
    ):
        checks.sse_format().content_as_sent().no_finish_reason()
        checks.no_done_marker().failed_stream()


@scenario(clause=("R4", "U4", "R6"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 8.1")
async def http2_reset_after_finish(bench: RelayBench) -> None:
    """finish_reason and then RST_STREAM, of any code, do not complete an answer."""
    for checks in await asyncio.gather(
        *(
            bench.respond(
                script=script(delta("Once"), finish("stop"), ending="reset", reset_code=each)
            )
            for each in (NO_ERROR, CANCEL)
        )
    ):
        checks.content_as_sent().no_done_marker().failed_stream()


@scenario(
    clause=("R4", "U4"),
    everywhere=True,
    needs=H2,
    evidence='RFC 9113 8.1; h2o/h2o#3566 "handle RST_STREAM NO_ERROR"',
)
async def http2_reset_after_end(bench: RelayBench) -> None:
    """RST_STREAM(NO_ERROR) after END_STREAM takes nothing from an answer that is complete."""
    ways = (finished(delta("Once")), script(delta("Once"), finish("stop")))
    _whole(
        *await asyncio.gather(
            *(bench.respond(script={**each, "reset_after_end": NO_ERROR}) for each in ways)
        ),
    )


@scenario(clause=("R5", "U8"), everywhere=True, needs=H2, evidence="RFC 9113 8.7")
async def http2_reset_before_head(bench: RelayBench) -> None:
    """A stream that is reset before its head has failed, and is not asked for again."""
    codes = (NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, CANCEL, ENHANCE_YOUR_CALM)
    for checks in await asyncio.gather(
        *(
            bench.respond(
                script=attempts(
                    script(head="", ending="reset", reset_code=each), finished(delta("Once"))
                )
            )
            for each in codes
        )
    ):
        if len(checks.observation.upstream) == 1:  # a second one has been told
            checks.http_error(502)


@scenario(clause="U8", everywhere=True, needs=H2, evidence="RFC 9113 8.7")
async def http2_refused_stream(bench: RelayBench) -> None:
    """A stream that was refused is asked for again, once, and may then be served."""
    refused = script(head="", ending="reset", reset_code=REFUSED_STREAM)
    for times in (1, 2):
        pattern = await bench.script(attempts(*[refused] * times, finished(delta("Once"))))
        async with bench.exchange(pattern=pattern, clause="U8") as exchange:
            await exchange.start()
            checks = await exchange.response()
        if times == 1:
            _whole(checks)
        else:
            checks.http_error(502, clause="U8")
        requests = len(checks.observation.upstream)
        bench.check(
            requests == 2,
            "asked_twice",
            expected="two requests: a refused stream is asked for again, once",
            actual=f"{requests}",
        )


# GOAWAY


@scenario(
    clause=("R2", "R4"),
    everywhere=True,
    needs=H2,
    alone=True,
    evidence='RFC 9113 6.8; dotnet/corefx#34376 "streams lost after GOAWAY"',
)
async def http2_goaway(bench: RelayBench) -> None:
    """A stream that GOAWAY covers is finished; others are opened elsewhere meanwhile."""
    for last in ("this", "all"):
        value = finished(delta("Once"), goaway(last), gate(1), delta(" upon"), gate(2))
        pattern = await bench.script(value)
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            await exchange.events(1)
            await exchange.open_gate(1)
            await exchange.events(2)
            other = await _served(bench, clause="U9")
            if not other.complete:
                return
            await exchange.open_gate(2)
            checks = (await exchange.response()).applied(pattern)
        _whole(checks)
        connections = _connections(checks, other)
        bench.check(
            len(set(connections)) == 2,
            "elsewhere",
            expected="no stream is opened on a connection after its GOAWAY",
            actual=f"the two requests came on the connections {connections}",
            clause="U9",
        )


@scenario(
    clause="U8",
    everywhere=True,
    needs=H2,
    alone=True,
    evidence='RFC 9113 6.8; dotnet/corefx#34376 "streams lost after GOAWAY"',
)
async def http2_goaway_unprocessed(bench: RelayBench) -> None:
    """A stream above GOAWAY's last was not processed: it is asked for again, elsewhere, once."""
    value = attempts(script(goaway("previous"), stall(), head=""), finished(delta("Once")))
    pattern = await bench.script(value)
    async with bench.exchange(pattern=pattern, clause="U8") as exchange:
        await exchange.start()
        checks = await exchange.response()
    _whole(checks)
    connections = _connections(checks)
    bench.check(
        len(connections) == 2 and connections[0] != connections[1],
        "asked_twice",
        expected="a second request, on another connection",
        actual=f"requests on the connections {connections}",
    )


@scenario(clause=("R6", "U4"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 6.8")
async def http2_lost(bench: RelayBench) -> None:
    """A connection that is lost, with or without GOAWAY, fails its streams and nobody else."""
    for before in ((), (goaway("this"),), (goaway("this", code=INTERNAL_ERROR),)):
        value = script(delta("Once"), finish("stop"), *before, gate(1), ending="drop")
        patterns = [await bench.script(value), await bench.script(script(delta("a"), gate(1)))]
        async with (
            bench.exchange(pattern=patterns[0]) as lost,
            bench.exchange(pattern=patterns[1]) as neighbour,
        ):
            for exchange in (neighbour, lost):
                await exchange.start()
                await exchange.events(1)
            await lost.open_gate(1)
            checks = (await lost.response()).applied(patterns[0])
            await neighbour.open_gate(1)
            beside = (await neighbour.response()).applied(patterns[1])
        for each in (checks, beside):
            each.content_as_sent().no_done_marker().failed_stream()
        await bench.healthy()


# SETTINGS, flow control


@scenario(
    clause=("U3", "L4"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 5.1.2, 8.7"
)
async def http2_one_stream(bench: RelayBench) -> None:
    """Where the API admits one stream at a time the others wait, or go elsewhere."""
    value = finished(settings(max_concurrent_streams=1), delta("Once"))
    _whole(await bench.respond(script=value))
    await asyncio.gather(*(_served(bench) for _ in range(8)))


@scenario(
    clause=("U3", "U1"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 5.2, 6.9.2"
)
async def http2_request_window(bench: RelayBench) -> None:
    """A request larger than the API's window is sent as the API grants it room."""
    value = finished(settings(initial_window_size=1000), delta("Once"))
    _whole(await bench.respond(script=value))
    request = {"prompt": "y" * 100_000}
    checks = await bench.respond(pattern="short", request=request)
    checks.request_unchanged(clause="U3")
    _whole(checks)


@scenario(clause=("R5", "U8"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 8.1, 5.2")
async def http2_early_response(bench: RelayBench) -> None:
    """An answer that comes while the request waits for room is the answer."""
    _whole(await bench.respond(script=finished(settings(initial_window_size=1000), delta("Once"))))
    error = {"error": {"message": "too long", "type": "invalid", "code": None}}
    value = script(
        write(json.dumps(error)), status=413, headers=JSON, framing="length", request={"read": 0}
    )
    checks = await bench.respond(script=value, request={"prompt": "x" * 100_000})
    checks.http_error(413).error_message("too long")
    await bench.healthy()


@scenario(
    script=finished(repeat(48, delta("x" * 32_768))),
    clause=("R2", "U3"),
    everywhere=True,
    needs=H2,
    evidence='RFC 9113 5.2; hyperium/hyper#2899 "stuck with slow readers"',
)
def http2_flow(response: Checks) -> None:
    """An answer many times larger than every window arrives whole."""
    response.no_error().chunk_count(48).content_as_sent().done_marker()


@scenario(
    clause=("L4", "R2"),
    everywhere=True,
    needs=H2,
    alone=True,
    evidence='hyperium/hyper#2899 "stuck with slow readers", golang/go#16510',
)
async def http2_flow_sibling(bench: RelayBench) -> None:
    """A client that reads nothing does not use up the window of those beside it."""
    large = finished(repeat(48, delta("x" * 32_768)))
    alone = await bench.respond(script=large)
    _whole(alone)
    if not alone.complete:
        return
    pattern = await bench.script(large)
    async with bench.exchange(pattern=pattern, receive_buffer=4096, send_buffer=4096) as stalled:
        await stalled.start()
        await stalled.head()
        stalled.pause()
        _whole(await bench.respond(script=large))


@scenario(
    script=finished(delta("Once"), repeat(600, delta(" upon")), padding=255),
    clause=("R2", "U3"),
    everywhere=True,
    needs=H2,
    evidence="RFC 9113 6.1, 6.9.1",
)
def http2_padding(response: Checks) -> None:
    """Padding is no part of the answer, and its room in the window is given back."""
    response.no_error().chunk_count(601).content_as_sent().done_marker()


# Frames


@scenario(
    script=finished(
        delta("Once"),
        frame(UNKNOWN, b"greased"),
        frame(UNKNOWN, b"greased", flags=0xFF, stream="this"),
        frame(PING, b"12345678"),
        delta(" upon"),
    ),
    clause=("R2", "U3"),
    everywhere=True,
    needs=H2,
    evidence="RFC 9113 4.1, 5.5, 6.7",
)
def http2_other_frames(response: Checks) -> None:
    """Frames of unknown types, and pings, are no part of the answer."""
    response.no_error().content_as_sent().done_marker()


@scenario(
    script=script(delta("Once"), finish("stop"), trailers={"x-checksum": "12"}),
    clause=("R4", "U4"),
    everywhere=True,
    needs=H2,
    evidence="RFC 9113 8.1",
)
def http2_trailers(response: Checks) -> None:
    """Trailer fields end an answer as END_STREAM on its last DATA would."""
    response.no_error().content_as_sent().done_marker()


@scenario(clause=("U4", "R4", "R6"), everywhere=True, needs=H2, evidence="RFC 9113 8.1.1")
async def http2_length(bench: RelayBench) -> None:
    """A body that is not as long as its Content-Length says makes the answer a malformed one."""
    for length in (10, 100_000):
        headers = {"content-type": "text/event-stream", "content-length": str(length)}
        checks = await bench.respond(
            script=script(delta("Once"), finish("stop"), framing="raw", headers=headers)
        )
        checks.sse_format().failed()


@scenario(
    clause=("U4", "R6", "L4"), everywhere=True, needs=H2, alone=True, evidence="RFC 9113 5.4.1"
)
async def http2_broken(bench: RelayBench) -> None:
    """A connection on which the API breaks the protocol is given up, and another one made."""
    wrongs = (
        frame(0x0, b"data"),  # DATA on stream 0
        frame(0x8, b"\0\0\0", stream="this"),  # a WINDOW_UPDATE of three bytes
        frame(0x8, b"\x7f\xff\xff\xff"),  # more room than a window can have
        frame(CONTINUATION, b"", flags=0x4, stream="this"),
        frame(0x0, b"data", stream=1001),  # a stream that nobody opened
    )
    for wrong in wrongs:
        value = script(delta("Once"), finish("stop"), gate(1), wrong, stall())
        pattern = await bench.script(value)
        async with bench.exchange(pattern=pattern) as exchange:
            await exchange.start()
            await exchange.events(1)
            await exchange.open_gate(1)
            checks = (await exchange.response()).applied(pattern)
        checks.content_as_sent().no_done_marker().failed_stream()
        await bench.healthy()


# Leaving


@scenario(
    clause=("U5", "L4"),
    everywhere=True,
    needs=H2,
    evidence='headroomlabs-ai/headroom#2882 "max outbound streams exhausted"',
)
async def http2_cancel(bench: RelayBench) -> None:
    """A client that leaves ends its own stream and no other."""
    pattern = await bench.script(finished(delta("Once"), gate(1), delta(" upon")))
    async with (
        bench.exchange(pattern=pattern, clause="L4") as sibling,
        bench.exchange(pattern=pattern) as leaving,
    ):
        for exchange in (sibling, leaving):
            await exchange.start()
            await exchange.events(1)
        leaving.reset()
        await leaving.upstream_ended(within=2.0)
        await sibling.open_gate(1)
        _whole((await sibling.response()).applied(pattern))


@scenario(
    clause=("U5", "L4"),
    everywhere=True,
    needs=H2,
    alone=True,
    evidence='headroomlabs-ai/headroom#2882 "max outbound streams exhausted"',
)
async def http2_cancel_repeated(bench: RelayBench) -> None:
    """A stream whose client left gives its place back: a hundred need no more than four."""
    pattern = await bench.script(
        finished(settings(max_concurrent_streams=4), delta("Once"), gate(1))
    )
    await _left(bench, pattern)
    before = len(bench.probe().descriptors)
    for _ in range(25):
        await asyncio.gather(*(_left(bench, pattern) for _ in range(4)))
    await bench.healthy()
    await bench.until(lambda: len(bench.probe().descriptors) <= before + POOLED, within=2.0)
    after = len(bench.probe().descriptors)
    bench.check(
        after <= before + POOLED,
        "places",
        expected=f"at most {before + POOLED} descriptors, after clients who left as before them",
        actual=f"{after}",
    )


async def _left(bench: RelayBench, pattern: str) -> None:
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        await exchange.events(1)
        exchange.reset()
        await exchange.upstream_ended(within=2.0)
