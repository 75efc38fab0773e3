"""An API that fails: what its client is told then, when, and in what form."""

import asyncio
from collections.abc import Iterable

from conformance.checks import Checks
from conformance.core.evidence import Ending
from conformance.core.scenario import Api, Start, scenario
from conformance.core.script import (
    Script,
    chunk,
    data,
    delta,
    event,
    finish,
    finished,
    script,
    stall,
    write,
)
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.exchange import Exchange

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=utf-8"}
PAGE = "<!doctype html><html><body><h1>502 Bad Gateway</h1>nginx</body></html>"

HASTE = 0.3
HASTY = {"connect_timeout": f"{HASTE}", "first_byte_timeout": f"{HASTE}"}
"""Time bounds so short that a scenario can wait for them; seconds."""

IN_TIME = 1.5
"""Seconds within which a bound of HASTY must have shown."""


def _error(message: str, **fields: object) -> dict[str, object]:
    return {"error": {"message": message, "type": "server_error", "code": None, **fields}}


def _answer(status: int, body: str, headers: dict[str, str]) -> Script:
    return script(write(body), status=status, headers=headers, framing="length")


async def _all(bench: RelayBench, scripts: Iterable[Script]) -> list[Checks]:
    return await asyncio.gather(*(bench.respond(script=each) for each in scripts))


# Errors in the stream


@scenario(
    clause=("R6", "R2", "R4"),
    everywhere=True,
    evidence='aaif-goose/goose#8027 "mid-stream error events", '
    'farzaa/clicky#132 "errors treated as success"',
)
async def uperr_mid_stream_object(bench: RelayBench) -> None:
    """An error among the events ends the answer as failed, and says what the API said."""
    said = data(_error("the model is overloaded"))
    ways = (said, b"event: error\n" + said, said + b"data: [DONE]\n\n")
    for checks in await _all(bench, (script(delta("Once"), write(each)) for each in ways)):
        checks.sse_format().content_as_sent().no_finish_reason()
        checks.failed_stream().no_done_marker().error_message("the model is overloaded")


@scenario(
    script=finished(delta("Once"), finish("stop"), event(_error("the answer was lost"))),
    clause=("R6", "R4"),
    evidence='farzaa/clicky#132 "errors treated as success"',
)
def uperr_after_finish(response: Checks) -> None:
    """An error that comes after finish_reason is an error all the same."""
    response.content_as_sent().failed_stream().no_done_marker().error_message("was lost")


@scenario(
    script=finished(event({**chunk(content="Once"), "error": None}), delta(" upon")),
    clause=("R2", "R4"),
    evidence='aaif-goose/goose#8027 "mid-stream error events"',
)
def uperr_error_null(response: Checks) -> None:
    """A chunk whose field `error` is null reports no error."""
    response.no_error().content("Once upon").done_marker()


@scenario(
    clause=("R5", "R6", "R4"),
    everywhere=True,
    evidence='openclaw/clawrouter#101 "pre-stream errors as HTTP 200"',
)
async def uperr_first_event(bench: RelayBench) -> None:
    """An answer whose first event is an error has failed, and says what the API said."""
    said = data(_error("context too long", type="invalid_request_error", code="too_long"))
    ways = (said, b"event: error\n" + said, said + b"data: [DONE]\n\n", b": hello\n\n" + said)
    for checks in await _all(bench, (script(write(each)) for each in ways)):
        checks.failed(400, 502).error_message("context too long")


@scenario(
    clause=("R5", "R6", "R4"),
    everywhere=True,
    evidence='coder/coder#26005 "handle empty streams", preloop/preloop#121 "silent empty 200"',
)
async def uperr_empty_200(bench: RelayBench) -> None:
    """An event stream that ends without an event has failed."""
    ways: tuple[Script, ...] = (
        script(),
        script(framing="length"),
        script(write(": processing\n\n: processing\n\n")),
        script(write("\n\n\n")),
    )
    for checks in await _all(bench, ways):
        checks.failed()


@scenario(
    script=script(write("data: [DONE]\n\n")),
    clause=("R4", "R2"),
    everywhere=True,
    evidence='coder/coder#26005 "handle empty streams"',
)
def uperr_done_only(response: Checks) -> None:
    """An answer that is `[DONE]` alone is complete, with nothing in it."""
    response.done_marker().no_error().chunk_count(0)


# Errors in its place


@scenario(
    clause="R5",
    everywhere=True,
    evidence='inference-gateway/inference-gateway#578 "relay upstream status and body"',
)
async def uperr_4xx_json(bench: RelayBench) -> None:
    """The API's own 4xx reaches the client, with what the API said."""
    statuses = (400, 404, 413, 422)
    body = data(_error("no such model", code="model_not_found"), end="").decode()[6:]
    for status, checks in zip(
        statuses, await _all(bench, (_answer(each, body, JSON) for each in statuses)), strict=True
    ):
        checks.http_error(status).error_message("no such model")


@scenario(
    clause="R5",
    evidence='inference-gateway/inference-gateway#578 "relay upstream status and body"',
)
async def uperr_4xx_key(bench: RelayBench) -> None:
    """Where the API does not take the daemon's key, the client is told 401, 403 or 502."""
    statuses = (401, 403)
    body = data(_error("Incorrect API key provided"), end="").decode()[6:]
    for status, checks in zip(
        statuses, await _all(bench, (_answer(each, body, JSON) for each in statuses)), strict=True
    ):
        checks.http_error(status, 502)


@scenario(
    clause="R5",
    evidence='inference-gateway/inference-gateway#578 "relay upstream status and body"',
)
async def uperr_4xx_other(bench: RelayBench) -> None:
    """A 4xx keeps its status also where its body is empty, HTML, or JSON of another shape."""
    ways = (
        script(status=404, headers=[], framing="length"),
        script(status=404, headers=[]),
        _answer(404, PAGE, HTML),
        _answer(404, '{"detail":"Not Found"}', JSON),
        _answer(404, '{"error":"no such model"}', JSON),
        _answer(404, '["error"]', JSON),
        _answer(404, '{"error":', JSON),
    )
    for checks in await _all(bench, ways):
        checks.http_error(404)
        _no_markup(bench, checks)


@scenario(clause=("R5", "U8"), everywhere=True, evidence='api7/aisix#144 "forward Retry-After"')
async def uperr_429(bench: RelayBench) -> None:
    """429 reaches the client with its Retry-After, and the API is not asked again."""
    body = data(_error("rate limited"), end="").decode()[6:]
    delays = ("30", "Wed, 21 Oct 2026 07:28:00 GMT")
    for delay, checks in zip(
        delays,
        await _all(bench, (_answer(429, body, {**JSON, "retry-after": d}) for d in delays)),
        strict=True,
    ):
        checks.http_error(429).error_message("rate limited")
        checks.header("Retry-After", delay, clause="R5")


@scenario(clause=("R5", "U8"), everywhere=True, evidence='api7/aisix#144 "forward Retry-After"')
async def uperr_5xx(bench: RelayBench) -> None:
    """The API's 5xx is a 502, and the API is not asked again."""
    body = data(_error("the engine crashed"), end="").decode()[6:]
    statuses = (500, 502, 503, 504, 529)
    for checks in await _all(bench, (_answer(each, body, JSON) for each in statuses)):
        checks.http_error(502)


@scenario(clause=("R5", "U8"), evidence='api7/aisix#144 "forward Retry-After"')
async def uperr_503_retry_after(bench: RelayBench) -> None:
    """The Retry-After of a 503 is kept, though the client is told 502."""
    checks = await bench.respond(script=_answer(503, "", {"retry-after": "7"}))
    checks.http_error(502).header("Retry-After", "7", clause="R5")


@scenario(
    clause=("R5", "U4"),
    everywhere=True,
    evidence='shuv1337/oc-web#143 "HTML fallback breaks event stream"',
)
async def uperr_5xx_html(bench: RelayBench) -> None:
    """A page of HTML, with 502 or with 200, is a failure, and no part of it is passed on."""
    for checks in await _all(bench, (_answer(502, PAGE, HTML), _answer(200, PAGE, HTML))):
        checks.http_error(502)
        _no_markup(bench, checks)


def _no_markup(bench: RelayBench, checks: Checks) -> None:
    bench.check(
        b"<html" not in checks.response.body,
        "no_markup",
        expected="no markup in the error",
        actual=repr(checks.response.body),
        clause="R5",
    )


@scenario(
    clause=("R5", "U4"),
    everywhere=True,
    evidence='lemonade-sdk/lemonade#2975 "frame backend errors", azrtydxb/Fastllm-proxy#28',
)
async def uperr_200_json(bench: RelayBench) -> None:
    """A 200 that is no event stream has failed, whatever its body says."""
    failed = data(_error("the engine crashed"), end="").decode()[6:]
    message = {"index": 0, "message": {"content": "Once"}, "finish_reason": "stop"}
    whole = data({"object": "chat.completion", "choices": [message]}, end="").decode()[6:]
    stream = data(chunk(content="Once", reason="stop")).decode() + "data: [DONE]\n\n"
    ways = (
        _answer(200, failed, JSON),
        _answer(200, whole, JSON),
        _answer(200, stream, JSON),
        _answer(200, stream, {"content-type": "text/plain"}),
        _answer(200, stream, {"content-type": "text/event-stream-v2"}),
        script(write(stream), headers=[], framing="length"),
        script(status=204, headers=[], framing="close"),
    )
    for checks in await _all(bench, ways):
        checks.http_error(502)


@scenario(clause=("U4", "R2"), evidence="RFC 9110 8.3.1")
async def uperr_content_type_parameters(bench: RelayBench) -> None:
    """The content type of an event stream may have parameters, and letters of either case."""
    kinds = ("text/event-stream; charset=utf-8", "Text/Event-Stream", "text/event-stream ;a=b")
    for checks in await _all(
        bench, (finished(delta("Once"), headers={"content-type": each}) for each in kinds)
    ):
        checks.http_status(200, clause="U4").no_error().content_as_sent().done_marker()


@scenario(clause=("U8", "R5"), everywhere=True, evidence="RFC 9110 15.4")
async def uperr_redirect(bench: RelayBench) -> None:
    """A redirect is not followed: it is a failure like any other."""
    places = ("/v1/chat/completions", f"{bench.upstream.addresses.http}/chat/completions")
    ways = [
        _answer(status, "", {"location": place})
        for status in (301, 302, 303, 307, 308)
        for place in places
    ]
    for checks in await _all(bench, ways):
        checks.http_error(502)


# No answer at all


def _in_time(bench: RelayBench, checks: Checks) -> None:
    transcript = checks.response.transcript
    took = transcript.ended_at - transcript.began_at
    bench.check(
        transcript.ending is Ending.EOF and took <= IN_TIME * bench.environment.scale,
        "in_time",
        expected=f"an answer within {IN_TIME:g} s, where the bounds are {HASTE} s",
        actual=f"{transcript.ending.value} after {took:.3f} s",
        clause="U7",
    )


async def _unanswered(bench: RelayBench, *statuses: int) -> None:
    """Clients who come one after the other, while the first still waits, are each told so."""

    async def come(number: int) -> None:
        await asyncio.sleep(number * HASTE / 3 * bench.environment.scale)
        await _told(bench, bench.exchange(request={"prompt": "Is anybody there?"}), *statuses)

    await asyncio.gather(*map(come, range(4)))


async def _told(bench: RelayBench, exchange: Exchange, *statuses: int) -> None:
    async with exchange:
        await exchange.start()
        checks = await exchange.response()
        checks.http_error(*statuses)
        _in_time(bench, checks)


@scenario(
    clause=("R5", "L4"),
    everywhere=True,
    alone=True,
    start=Start(api=Api.REFUSING),
    evidence='headroomlabs-ai/headroom#3083 "502 not 200"',
)
async def uperr_refused(bench: RelayBench) -> None:
    """Where the API refuses connections the answer is 502."""
    await _unanswered(bench, 502)


@scenario(
    clause=("U7", "R5"),
    everywhere=True,
    alone=True,
    start=Start(api=Api.SILENT, options=HASTY),
    deadline=5.0,
    evidence='Mirrowel/LLM-API-Key-Proxy#39 "hangs while connecting"',
)
async def uperr_silent(bench: RelayBench) -> None:
    """Where the API accepts connections and says nothing the answer is 504, in time."""
    await _unanswered(bench, 504)


@scenario(
    clause=("U7", "R5"),
    everywhere=True,
    alone=True,
    start=Start(api=Api.UNREACHABLE, options=HASTY),
    deadline=5.0,
    evidence='Mirrowel/LLM-API-Key-Proxy#39 "hangs while connecting"',
)
async def uperr_unreachable(bench: RelayBench) -> None:
    """Where connecting takes for ever the answer is 504, in time."""
    await _unanswered(bench, 504)


@scenario(
    clause=("U7", "R5"),
    everywhere=True,
    alone=True,
    start=Start(options=HASTY),
    deadline=5.0,
    evidence='Mirrowel/LLM-API-Key-Proxy#39 "hangs while connecting"',
)
async def uperr_late_head(bench: RelayBench) -> None:
    """Where the API takes the request and gives no answer the client is told 504, in time."""
    pattern = await bench.script(script(delta("late"), hold=1))
    await asyncio.gather(*(_told(bench, bench.exchange(pattern=pattern), 504) for _ in range(2)))


@scenario(
    clause=("U7", "R5"),
    alone=True,
    start=Start(options={"idle_timeout": f"{HASTE}"}),
    deadline=5.0,
    evidence='headroomlabs-ai/headroom#3083 "502 not 200"',
)
async def uperr_error_body_stalls(bench: RelayBench) -> None:
    """An error whose body never comes to its end is an error in time, with its status."""
    ways = [script(write('{"error":'), stall(), status=each, headers=JSON) for each in (400, 500)]
    pair = await _all(bench, ways)
    for status, checks in zip((400, 502), pair, strict=True):
        checks.http_error(status)
        _in_time(bench, checks)


# TLS


async def _unverified(bench: RelayBench) -> None:
    """Over TLS the request must not leave; without it there is nothing to verify."""
    async with bench.exchange(pattern="short") as exchange:
        await exchange.start()
        checks = await exchange.response()
    transports = {each.transport for each in checks.observation.upstream}
    bench.check(
        "tls" not in transports,
        "verified",
        expected="a certificate that is not to be trusted is refused",
        actual="the request was sent over this connection",
        clause="U3",
    )
    if transports:
        checks.content_as_sent().done_marker()
    else:
        checks.http_error(502)


@scenario(
    clause=("U3", "R5"),
    everywhere=True,
    alone=True,
    start=Start(api=Api.UNTRUSTED),
    evidence="RFC 9110 4.3.4",
)
async def uperr_tls_untrusted(bench: RelayBench) -> None:
    """A certificate of an unknown authority is refused, and the request not sent."""
    await _unverified(bench)


@scenario(
    clause=("U3", "R5"),
    everywhere=True,
    alone=True,
    start=Start(api=Api.MISNAMED),
    evidence="RFC 9110 4.3.4",
)
async def uperr_tls_misnamed(bench: RelayBench) -> None:
    """A certificate of another host is refused, and the request not sent."""
    await _unverified(bench)


@scenario(
    clause="U3",
    everywhere=True,
    alone=True,
    start=Start(api=Api.UNTRUSTED, env={"OPENAI_INSECURE_SSL": "true"}),
    evidence="docs/contract.md, options of the daemons",
)
async def uperr_tls_insecure(bench: RelayBench) -> None:
    """A daemon that was told not to verify certificates does not."""
    checks = await bench.respond(pattern="short")
    checks.http_status(200, clause="U3").content_as_sent().done_marker()
