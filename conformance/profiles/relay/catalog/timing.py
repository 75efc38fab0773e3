"""When events arrive, and time bounds of connecting, answering and silence."""

from conformance.checks import Checks
from conformance.core.scenario import Api, Start, scenario
from conformance.core.script import (
    delta,
    done,
    event,
    finish,
    finished,
    gate,
    repeat,
    script,
    stall,
    unit,
    wait,
    write,
)
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.exchange import Exchange

GATES = 12

PROMPTLY = 0.1
"""Seconds from the API's write to the client's read, for the fastest of many events. A prompt
daemon takes 1 ms; one that sets TCP_CORK takes 200 ms."""

T = 0.4
"""Seconds of a time bound that the API exceeds."""

FLUSH = 'dstackai/dstack#4269 "gateway buffers 16 KB"; confidential-dot-ai/c8s#140'
FIRST = 'headroomlabs-ai/headroom#3071 "silently downgraded to buffered"; seaavey/SRouter#104'
HUNG = 'microsoft/amplifier#339 "hung 8.7 hours"; dahai80/fusion-code#134'
TOTAL = 'Portkey-AI/gateway#471 "timeout fires after streaming started"; pydantic/logfire#1882'
KEEPALIVE = 'BerriAI/litellm#34819 "zero bytes before first token"; chenyme/grok2api#1050'


def arrivals(checks: Checks) -> list[float]:
    """Seconds from the API's write to the client's read, for each chunk with text."""
    sent = [event.at for entry in checks.observation.upstream for event in entry.events]
    return [event.at - at for event, at in zip(checks.deltas, sent, strict=False)]


# R7: without delay


@scenario(
    script=finished(*(step for n in range(1, GATES + 1) for step in (delta(f"{n} "), gate(n)))),
    clause="R7",
    everywhere=True,
    deadline=5.0,
    evidence=FLUSH,
)
async def timing_flush_each(bench: RelayBench) -> None:
    """The client receives each event before the API sends the next, without delay."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        for number in range(1, GATES + 1):
            await exchange.events(number)
            await exchange.open_gate(number)
        checks = (await exchange.response()).applied(pattern)
    checks.events_in_order().done_marker()
    fastest = min(arrivals(checks)[1:], default=0.0) * 1000
    unit = f"ms for the fastest of {GATES} events"
    bench.at_most("prompt", fastest, PROMPTLY * 1000, unit, timed=True)


@scenario(script=script(delta("First"), stall()), clause="R7", everywhere=True, evidence=FIRST)
async def timing_first_event(exchange: Exchange) -> None:
    """The client receives the first event while the API stays silent."""
    await exchange.events(1)


def _tool(arguments: str, **more: object) -> dict[str, object]:
    call = {"index": 0, "function": {"arguments": arguments}, **more}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}


@scenario(
    script=script(
        event(_tool("", id="call_1", type="function")),
        gate(1),
        event(_tool('{"city":')),
        gate(2),
        event(_tool('"Oslo"}')),
        gate(3),
        finish("tool_calls"),
        gate(4),
        done(),
    ),
    clause="R7",
    needs=("format=openai",),
    everywhere=True,
    deadline=5.0,
    evidence=FIRST,
)
async def timing_tool_deltas(exchange: Exchange) -> None:
    """The client receives pieces of a tool call one by one, and the finish."""
    await exchange.step_through(4)
    (await exchange.response()).events_in_order().done_marker()


HALF = '{"choices":[{"index":0,"delta":{"content":" half'


@scenario(
    script=finished(
        delta("Whole"),
        unit(write(f"data: {HALF}"), gate(2), write(' and half"},"finish_reason":null}]}\n\n')),
        hold=1,
    ),
    clause=("R2", "R7"),
    everywhere=True,
    deadline=5.0,
    evidence=KEEPALIVE,
    needs=("events",),
)
async def timing_keepalive(bench: RelayBench) -> None:
    """The daemon sends only whole events and comments while the API is silent."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        await exchange.asked()
        await bench.healthy()
        await exchange.open_gate(1)
        await exchange.events(1)
        await bench.healthy()
        before = exchange.seen().body
        bench.check(
            before.endswith(b"\n\n"),
            "event_boundary",
            expected="no byte of an event that the API has not finished",
            actual=repr(before[-60:]),
        )
        await exchange.open_gate(2)
        checks = (await exchange.response()).applied(pattern)
        checks.sse_format().events_in_order().content_as_sent().done_marker()


# U7: bounds on waiting, without a bound on a stream that flows


@scenario(
    script=script(delta("And"), delta(" then"), stall()),
    clause=("U7", "R6"),
    alone=True,
    everywhere=True,
    start=Start(options={"idle_timeout": str(T)}),
    deadline=5.0,
    evidence=HUNG,
)
async def timing_idle_timeout(bench: RelayBench) -> None:
    """The daemon fails the stream in time where the API falls silent."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        await exchange.events(2)
        checks = (await exchange.response()).api_broke().applied(pattern)
        checks.ended(clause="U7").content_as_sent().failed_stream().no_done_marker()
        if not bench.findings:
            await exchange.upstream_ended(clause="U7")
            await bench.released(exchange.held)


@scenario(
    script=script(delta("too late"), hold=1),
    clause=("U7", "R5"),
    alone=True,
    everywhere=True,
    start=Start(options={"first_byte_timeout": str(T)}),
    deadline=5.0,
    evidence=HUNG,
)
async def timing_first_byte_timeout(bench: RelayBench) -> None:
    """The client receives 504 in time where the API does not begin to answer."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        (await exchange.response()).ended(clause="U7").http_error(504).applied(pattern)
        if not bench.findings:
            await exchange.upstream_ended(clause="U7")
            await bench.released(exchange.held)


@scenario(
    clause=("U7", "R5"),
    alone=True,
    everywhere=True,
    start=Start(options={"connect_timeout": str(T)}, api=Api.UNREACHABLE),
    deadline=5.0,
    evidence='Mirrowel/LLM-API-Key-Proxy#39 "hangs while connecting"',
)
async def timing_connect_timeout(bench: RelayBench) -> None:
    """The client receives 504 in time where the API cannot be reached."""
    exchange = bench.exchange()
    (await bench.finished(exchange)).ended(clause="U7").http_error(504)
    if not bench.findings:
        await bench.released(exchange.held)


@scenario(
    clause="U7",
    alone=True,
    everywhere=True,
    start=Start(
        options={
            "connect_timeout": "0.8",
            "first_byte_timeout": "0.8",
            "idle_timeout": "0.8",
            "write_timeout": "0.8",
        }
    ),
    evidence=TOTAL,
)
async def timing_long_steady(bench: RelayBench) -> None:
    """A steady stream may take longer than every time bound."""
    beat = 0.1 * bench.environment.scale
    checks = await bench.respond(
        script=finished(repeat(14, wait(beat), delta("still here "))), clause="U7"
    )
    checks.content_as_sent().done_marker()
