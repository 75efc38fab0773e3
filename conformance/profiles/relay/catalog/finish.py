"""The end of an answer: finish_reason and `[DONE]`."""

from conformance.checks import Checks
from conformance.core.evidence import Kind
from conformance.core.scenario import Start, scenario
from conformance.core.script import (
    chunk,
    cut,
    data,
    delta,
    done,
    event,
    finish,
    finished,
    gated,
    repeat,
    script,
    stall,
    wait,
    write,
)
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.exchange import Exchange


def _finished(response: Checks, reason: str) -> None:
    (
        response.no_error()
        .http_status(200)
        .chunk_count(6)
        .content_as_sent()
        .finish_reason(reason)
        .done_marker()
    )


@scenario(pattern="finish:stop", clause=("R2", "R4"), everywhere=True)
def finish_stop(response: Checks) -> None:
    """The client receives a complete answer with the finish_reason `stop`."""
    _finished(response, "stop")


@scenario(pattern="finish:length", clause=("R2", "R4"), everywhere=True)
def finish_length(response: Checks) -> None:
    """The client receives a complete answer with the finish_reason `length`."""
    _finished(response, "length")


# `[DONE]`, and text that looks like it


@scenario(
    clause="R4",
    everywhere=True,
    evidence='ray-project/ray#62246 "duplicate DONE", songquanpeng/one-api#1628',
)
async def finish_done_once(bench: RelayBench) -> None:
    """The daemon sends `[DONE]` once, however often the API sends it."""
    for again in ([], [done()], [cut(), done(), cut(), done()]):
        answer = script(delta("Hello"), finish("stop"), done(), *again)
        response = await bench.respond(script=answer)
        response.no_error().sse_format().content("Hello").done_marker()


def _call(arguments: str) -> dict[str, object]:
    return {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": arguments}}


@scenario(
    script=finished(
        event(chunk(role="assistant", content="")),
        delta("The stream ends with "),
        delta("[DONE]"),
        delta("data: [DONE]"),
        event(chunk(reasoning_content="[DONE]")),
        event(chunk(tool_calls=[_call("data: [DONE]")])),
        event(chunk(content=" and no sooner", refusal="[DONE]")),
    ),
    clause=("R4", "R2"),
    everywhere=True,
    evidence='BerriAI/litellm#31562 "falsely terminates when arguments contain DONE"',
)
def finish_done_in_text(response: Checks) -> None:
    """The daemon relays `[DONE]` in text, reasoning and arguments as text."""
    response.relayed()


@scenario(
    clause="R4",
    everywhere=True,
    evidence='fawney19/Aether#774 "ping after completion became error"',
)
async def finish_junk_after_done(bench: RelayBench) -> None:
    """The daemon ignores a chunk, a ping, an error or junk after `[DONE]`."""
    for junk in (
        data(chunk(content=" again")),
        b"event: ping\ndata: {}\n\n",
        data({"error": {"message": "too late", "type": "server_error", "code": None}}),
        b"data: \xff\xfe\x00\n\ndata: {",
    ):
        for apart in ([], [cut()]):
            answer = script(delta("Hello"), finish("stop"), done(), *apart, write(junk))
            response = await bench.respond(script=answer)
            response.done_marker().no_error().sse_format().content_contains("Hello")


@scenario(
    clause="R4",
    everywhere=True,
    evidence='fawney19/Aether#774 "ping after completion became error"',
)
async def finish_broken_after_done(bench: RelayBench) -> None:
    """The daemon completes an answer whose connection breaks right after `[DONE]`."""
    for ending in ("abort", "reset"):
        response = await bench.respond(script=finished(delta("Hello"), ending=ending))
        response.api_broke().no_error().content("Hello").done_marker()


@scenario(
    script=script(delta("Hello"), finish("stop"), done(), stall()),
    clause=("R4", "R7", "R8", "H10"),
    everywhere=True,
    deadline=5.0,
    evidence='waybarrios/vllm-mlx#101 "DONE missing, client hangs"',
    needs=("events",),
)
async def finish_upstream_lingers(bench: RelayBench) -> None:
    """The daemon ends answer and request at `[DONE]`, although the API stays connected."""
    async with bench.exchange(pattern=await bench.pattern()) as exchange:
        await exchange.start()
        response = await exchange.response()
        response.no_error().content("Hello").done_marker()
        transcript = response.response.transcript
        if transcript.ending.orderly:
            await exchange.upstream_ended(clause="H10")
    for dispatched in response.response.events:
        if dispatched.kind is Kind.DONE:
            took, unit = transcript.ended_at - dispatched.at, "s from [DONE] to EOF"
            bench.at_most("prompt_end", took, 1.0, unit, clause="R8", timed=True)


# The finish_reason


@scenario(
    script=script(
        *gated(
            data(chunk(content="Hello")),
            data(chunk(reason="stop")),
            b"data: [DONE]\n\n",
        )
    ),
    clause="R7",
    needs=("format=openai",),
    everywhere=True,
    evidence='maximhq/bifrost#6784 "hangs after finish_reason when heartbeats continue"',
)
async def finish_at_once(exchange: Exchange) -> None:
    """The daemon relays finish_reason on arrival, before `[DONE]`."""
    await exchange.step_through(2)
    response = await exchange.response()
    response.no_error().events_in_order().finish_reason("stop").done_marker()


@scenario(
    script=script(
        delta("Hello"), finish("stop"), repeat(400, wait(0.1), write(": ping\n")), stall()
    ),
    clause=("U7", "R6"),
    everywhere=True,
    alone=True,
    start=Start(options={"idle_timeout": "0.5"}),
    deadline=4.0,
    evidence='maximhq/bifrost#6784 "hangs after finish_reason when heartbeats continue"',
    needs=("events",),
)
async def finish_heartbeats_only(exchange: Exchange) -> None:
    """The daemon ends a finished stream that carries heartbeats alone."""
    response = await exchange.response()
    response.content("Hello").ended(clause="U7")
    if response.response.transcript.ending.orderly:
        response.failed_stream()


@scenario(
    script=script(delta("Hello"), event(chunk(content=" world", reason="stop")), done()),
    clause=("R2", "R3"),
    everywhere=True,
    evidence='jeremychone/rust-genai#164 "drops content co-located with finish", '
    "ai-dynamo/dynamo#3531",
)
def finish_with_content(response: Checks) -> None:
    """The client receives the text in the chunk that also holds finish_reason."""
    response.relayed().chunk_count(2).content("Hello world").finish_reason("stop")


REASONS = (
    "length",
    "content_filter",
    "tool_calls",
    "function_call",
    "insufficient_system_resource",
)


@scenario(
    clause=("R2", "R4"),
    everywhere=True,
    evidence='BerriAI/litellm#2195 "every chunk says stop", sgl-project/sglang#8417',
)
async def finish_reason_values(bench: RelayBench) -> None:
    """The daemon relays every finish_reason, known or unknown, in its place."""
    for reason in REASONS:
        answer = script(delta("Hello"), delta(" world"), finish(reason), done())
        response = await bench.respond(script=answer)
        response.relayed().content("Hello world").finish_reason(reason)


@scenario(
    script=script(
        delta("Hello"),
        finish("stop"),
        delta(" world"),
        finish("stop"),
        finish("length"),
        done(),
    ),
    clause=("R2", "R4"),
    everywhere=True,
    evidence='BerriAI/litellm#2195 "every chunk says stop", sgl-project/sglang#8417',
)
def finish_reason_repeated(response: Checks) -> None:
    """The daemon relays a repeated finish_reason, and reads on until `[DONE]`."""
    response.relayed().content("Hello world")
