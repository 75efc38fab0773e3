"""Answers that break off: the client receives the part that came, and learns that it is a part."""

import asyncio

from conformance.checks import Checks
from conformance.core.evidence import Kind
from conformance.core.scenario import scenario
from conformance.core.script import (
    Script,
    attempts,
    chunk,
    cut,
    data,
    delta,
    event,
    finish,
    finished,
    gate,
    script,
    write,
)
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.exchange import Exchange

CLEAN_EOF = 'BerriAI/litellm#40260 "clean EOF reported as successful completion"'
UNTERMINATED = 'openai/openai-node#2725 "final event dropped"; HTML 9.2.6'
MALFORMED = 'Wei-Shaw/sub2api#1471 "malformed SSE after read error", dativo-io/talon#393'

FRAMINGS = ("chunked", "length", "close")

CALL = {"index": 0, "id": "call_1", "type": "function"}


def _truncated(response: Checks, *, after: int) -> None:
    (
        response.http_status(200)
        .sse_format()
        .chunk_count(after)
        .content_as_sent()
        .no_finish_reason()
        .no_done_marker()
        .failed_stream()
    )


@scenario(pattern="abort:5", clause=("R6", "R2"), everywhere=True, evidence=CLEAN_EOF)
def abort_stream(response: Checks) -> None:
    """The daemon fails an answer that ends cleanly after five deltas, without a finish."""
    _truncated(response, after=5)


@scenario(pattern="abort:1", clause=("R6", "R2"), everywhere=True, evidence=CLEAN_EOF)
def abort_early(response: Checks) -> None:
    """The daemon fails an answer that ends cleanly after its first delta."""
    _truncated(response, after=1)


@scenario(clause=("R6", "R4"), everywhere=True, evidence=CLEAN_EOF)
async def abort_clean_eof_no_finish(bench: RelayBench) -> None:
    """The daemon fails a clean end without finish_reason, in each framing of the body."""
    scripts = (script(delta("Once"), framing=framing) for framing in FRAMINGS)
    for checks in await bench.respond_to_all(scripts):
        _truncated(checks, after=1)


# Ends in the middle of something


@scenario(
    script=script(delta("Once"), delta(" upon"), write('data: {"choices":[{"del'), ending="abort"),
    clause=("R6", "U4", "R2"),
    everywhere=True,
    evidence='mastra-ai/mastra#22097 "mid-stream failure like a finish"; RFC 9112 8',
)
def abort_fin_mid_event(response: Checks) -> None:
    """The daemon relays the events before a cut event, then fails the answer."""
    _truncated(response.api_broke(), after=2)


@scenario(
    script=script(*(delta(f" word {n}") for n in range(5)), gate(1), ending="reset"),
    clause=("R6", "U4", "R2"),
    everywhere=True,
    evidence='bytedance/deer-flow#1923 "peer closed, incomplete chunked read"',
)
async def abort_rst_mid_stream(exchange: Exchange) -> None:
    """The daemon relays five deltas before the API's reset, then fails the answer."""
    await exchange.events(5)
    await exchange.open_gate(1)
    _truncated((await exchange.response()).api_broke(), after=5)


@scenario(clause=("R6", "R2"), everywhere=True, evidence=MALFORMED)
async def abort_error_framing(bench: RelayBench) -> None:
    """The daemon's error event stands alone, after any part of an unfinished event."""
    began = (
        'data: {"choices":[{"index":0,"delta":{"content":" up',
        'data: {"choices":[{"index":0,"delta":{"content":" up\n',
        "event: message\n",
        "da",
    )
    scripts = [
        script(delta("Once"), write(part), gate(1), ending=ending)
        for part in began
        for ending in ("abort", "reset")
    ]
    for checks in await asyncio.gather(*(_broken_off(bench, value) for value in scripts)):
        _truncated(checks.api_broke(), after=1)


async def _broken_off(bench: RelayBench, value: Script) -> Checks:
    """The API breaks off at the gate, once the client has the first event."""
    pattern = await bench.script(value)
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        await exchange.events(1)
        await exchange.open_gate(1)
        return (await exchange.response()).applied(pattern)


@scenario(
    clause=("R6", "R2", "R4"),
    everywhere=True,
    evidence='anthropics/anthropic-sdk-typescript#842 "interrupted mid tool JSON"',
)
async def abort_mid_tool_arguments(bench: RelayBench) -> None:
    """The daemon does not finish a tool call whose arguments break off."""
    call = [{**CALL, "function": {"name": "weather", "arguments": '{"city":'}}]
    rest = [{"index": 0, "function": {"arguments": ' "Ber'}}]
    steps = (delta("I look."), event(chunk(tool_calls=call)), event(chunk(tool_calls=rest)))
    scripts = (script(*steps, ending=ending) for ending in ("clean", "abort"))
    for number, checks in enumerate(await bench.respond_to_all(scripts)):
        if number:
            checks.api_broke()
        checks.sse_format().events_in_order().no_finish_reason().no_done_marker().failed_stream()


# Ends after finish_reason


@scenario(
    clause=("R4", "R2"),
    everywhere=True,
    evidence='lidge-jun/opencodex#1170 "missing DONE after finish_reason"',
)
async def abort_eof_after_finish(bench: RelayBench) -> None:
    """The daemon completes an answer that ends cleanly after finish_reason."""
    scripts = (
        script(delta("The"), delta(" end"), finish("stop"), framing=framing) for framing in FRAMINGS
    )
    for checks in await bench.respond_to_all(scripts):
        checks.no_error().content_as_sent().finish_reason("stop").done_marker()


@scenario(
    script=script(delta("The"), delta(" end"), finish("stop"), ending="abort"),
    clause=("R4", "U4", "R6"),
    everywhere=True,
    evidence="RFC 9112 8, RFC 9113 8.1",
)
def abort_broken_end_after_finish(response: Checks) -> None:
    """The daemon fails an answer with finish_reason whose body ends broken."""
    response.cut_off().events_in_order()


@scenario(
    script=script(delta("The"), delta(" end"), finish("stop"), framing="close", ending="abort"),
    clause=("R4", "U4", "R6"),
    everywhere=True,
    evidence="RFC 9112 9.8",
)
def abort_tls_cut(response: Checks) -> None:
    """The daemon accepts FIN as the end of an unframed body; over TLS only after close_notify."""
    plain = all(
        entry.transport != "tls" and entry.protocol != "h2"
        for entry in response.observation.upstream
    )
    if plain:
        response.no_error().content_as_sent().done_marker()
    else:
        response.cut_off().events_in_order()


@scenario(clause="R4", everywhere=True, evidence="RFC 9112 8, RFC 9113 8.1")
async def abort_after_done(bench: RelayBench) -> None:
    """The daemon completes an answer whose connection breaks after `[DONE]`."""
    scripts = (finished(delta("The end"), cut(), ending=end) for end in ("abort", "reset"))
    for checks in await bench.respond_to_all(scripts):
        checks.api_broke().no_error().content_as_sent().done_marker()


# Ends without a blank line


@scenario(clause=("R4", "R2"), everywhere=True, evidence=UNTERMINATED)
async def abort_eof_no_blank_line(bench: RelayBench) -> None:
    """The daemon relays a last event without its blank line, or fails the answer."""
    last = data(chunk(content=" end", reason="stop"), end="")
    scripts = (script(delta("The"), write(last + end)) for end in _ENDS)
    for checks in await bench.respond_to_all(scripts):
        if checks.response.events[-1:] and checks.response.events[-1].kind is Kind.DONE:
            checks.content("The end").finish_reason("stop").done_marker()
        else:
            checks.no_done_marker().failed_stream()


_ENDS = (b"", b"\n", b"\r\n", b"\r")
"""The bytes after an event's last line, in place of its blank line."""


@scenario(clause=("R4", "R2"), everywhere=True, evidence=UNTERMINATED)
async def abort_eof_no_blank_line_error(bench: RelayBench) -> None:
    """The daemon reports an error that comes last, without its blank line."""
    last = data({"error": {"message": "out of tokens", "type": "server_error", "code": None}})
    scripts = (script(delta("The"), finish("stop"), write(last.rstrip() + end)) for end in _ENDS)
    for checks in await bench.respond_to_all(scripts):
        kinds = {event.kind for event in checks.response.events}
        bench.check(
            Kind.DONE not in kinds or Kind.ERROR in kinds,
            "last_event",
            expected="a last event, which is an error, is not lost",
            actual="the answer looks finished",
            clause="R2",
        )
        if Kind.ERROR in kinds or Kind.DONE not in kinds:
            checks.content_as_sent().no_done_marker().failed_stream()


@scenario(
    clause=("R4", "R2"),
    everywhere=True,
    needs=("format=openai", "events", "body"),
    evidence=UNTERMINATED,
)
async def abort_eof_no_blank_line_usage(bench: RelayBench) -> None:
    """The daemon relays a last usage chunk without its blank line, or fails."""
    asked = {"body": {"stream_options": {"include_usage": True}}}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    last = data({**chunk(), "choices": [], "usage": usage}).rstrip()
    scripts = (script(delta("The end"), finish("stop"), write(last + end)) for end in _ENDS)
    answers = (bench.respond(script=each, request=asked) for each in scripts)
    for checks in await asyncio.gather(*answers):
        if any(event.kind is Kind.ERROR for event in checks.response.events):
            checks.no_done_marker().failed_stream()
            continue
        checks.content_as_sent().done_marker()
        bench.check(
            any(event.json.get("usage") == usage for event in checks.response.chunks),
            "usage",
            expected="the usage chunk, or a failed stream",
            actual="neither",
            clause="R2",
        )


@scenario(clause="R4", everywhere=True, evidence=UNTERMINATED)
async def abort_eof_no_blank_line_done(bench: RelayBench) -> None:
    """The daemon accepts a `[DONE]` without its blank line."""
    scripts = (
        script(delta("The end"), finish("stop"), write(b"data: [DONE]" + end)) for end in _ENDS
    )
    for checks in await bench.respond_to_all(scripts):
        checks.no_error().content_as_sent().done_marker()


# Repeated requests


@scenario(
    script=attempts(
        script(delta("Once"), delta(" upon"), delta(" a"), gate(1), ending="abort"),
        finished(delta("Once"), delta(" upon"), delta(" a"), delta(" time")),
    ),
    clause=("U8", "R2", "R6"),
    everywhere=True,
    evidence='HKUDS/nanobot#4038 "retry duplicates emitted deltas", NuGuardAI/nuguard#455',
)
async def abort_no_replay(exchange: Exchange) -> None:
    """The daemon does not repeat a request that failed after its first deltas."""
    await exchange.events(3)
    await exchange.open_gate(1)
    checks = await exchange.response()
    if len(checks.observation.upstream) == 1:  # a second request is reported already
        _truncated(checks.api_broke(), after=3)
