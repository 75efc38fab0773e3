"""Answers that are not an event stream: the API's error statuses, redirects, other bodies."""

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import chunk, data, delta, finished, script, write
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.upstream.answers import (
    HTML,
    JSON,
    PAGE,
    answer,
    error_body,
)

STATUS = 'inference-gateway/inference-gateway#578 "relay upstream status and body"'
RETRY_AFTER = 'api7/aisix#144 "forward Retry-After"'


@scenario(clause="R5", everywhere=True, evidence=STATUS)
async def uperr_4xx_json(bench: RelayBench) -> None:
    """The client receives the API's 4xx, with the API's message."""
    statuses = (400, 404, 413, 422)
    body = error_body("no such model", code="model_not_found")
    answers = await bench.respond_to_all(answer(status, body, JSON) for status in statuses)
    for status, checks in zip(statuses, answers, strict=True):
        checks.http_error(status).error_message("no such model")


@scenario(clause="R5", everywhere=True, evidence=STATUS)
async def uperr_4xx_key(bench: RelayBench) -> None:
    """The client receives 401, 403 or 502 where the API refuses the daemon's key."""
    statuses = (401, 403)
    body = error_body("Incorrect API key provided")
    answers = await bench.respond_to_all(answer(status, body, JSON) for status in statuses)
    for status, checks in zip(statuses, answers, strict=True):
        checks.http_error(status, 502)


@scenario(clause="R5", everywhere=True, evidence=STATUS, needs=("events",))
async def uperr_4xx_other(bench: RelayBench) -> None:
    """The client receives the API's 4xx also with an empty body, HTML, or other JSON."""
    refusals = (
        script(status=404, headers=[], framing="length"),
        script(status=404, headers=[]),
        answer(404, PAGE, HTML),
        answer(404, '{"detail":"Not Found"}', JSON),
        answer(404, '{"error":"no such model"}', JSON),
        answer(404, '["error"]', JSON),
        answer(404, '{"error":', JSON),
    )
    for checks in await bench.respond_to_all(refusals):
        checks.http_error(404)
        _no_markup(bench, checks)


@scenario(clause=("R5", "U8"), everywhere=True, evidence=RETRY_AFTER)
async def uperr_429(bench: RelayBench) -> None:
    """The client receives 429 with Retry-After, and the API receives one request."""
    body = error_body("rate limited")
    delays = ("30", "Wed, 21 Oct 2026 07:28:00 GMT")
    answers = await bench.respond_to_all(
        answer(429, body, {**JSON, "retry-after": delay}) for delay in delays
    )
    for delay, checks in zip(delays, answers, strict=True):
        checks.http_error(429).error_message("rate limited")
        checks.header("Retry-After", delay, clause="R5")


@scenario(clause=("R5", "U8"), everywhere=True, evidence=RETRY_AFTER)
async def uperr_5xx(bench: RelayBench) -> None:
    """The client receives 502 for the API's 5xx, and the API receives one request."""
    body = error_body("the engine crashed")
    statuses = (500, 502, 503, 504, 529)
    for checks in await bench.respond_to_all(answer(status, body, JSON) for status in statuses):
        checks.http_error(502)


@scenario(clause=("R5", "U8"), everywhere=True, evidence=RETRY_AFTER)
async def uperr_503_retry_after(bench: RelayBench) -> None:
    """The client receives 502 with the Retry-After of the API's 503."""
    checks = await bench.respond(script=answer(503, "", {"retry-after": "7"}))
    checks.http_error(502).header("Retry-After", "7", clause="R5")


@scenario(
    clause=("R5", "U4"),
    everywhere=True,
    evidence='shuv1337/oc-web#143 "HTML fallback breaks event stream"',
    needs=("events",),
)
async def uperr_5xx_html(bench: RelayBench) -> None:
    """The client receives 502 for a page of HTML, without any of its markup."""
    for checks in await bench.respond_to_all(answer(status, PAGE, HTML) for status in (502, 200)):
        checks.http_error(502)
        _no_markup(bench, checks)


def _no_markup(bench: RelayBench, checks: Checks) -> None:
    body = checks.response.body
    holds = b"<html" not in body
    bench.check(holds, "no_markup", expected="no markup in the error", actual=repr(body))


@scenario(
    clause=("R5", "U4"),
    everywhere=True,
    evidence='lemonade-sdk/lemonade#2975 "frame backend errors", azrtydxb/Fastllm-proxy#28',
)
async def uperr_200_json(bench: RelayBench) -> None:
    """The client receives 502 for a 200 that is not an event stream."""
    message = {"index": 0, "message": {"content": "Once"}, "finish_reason": "stop"}
    whole = data({"object": "chat.completion", "choices": [message]}, end="").decode()[6:]
    stream = data(chunk(content="Once", reason="stop")).decode() + "data: [DONE]\n\n"
    answers = (
        answer(200, error_body("the engine crashed"), JSON),
        answer(200, whole, JSON),
        answer(200, stream, JSON),
        answer(200, stream, {"content-type": "text/plain"}),
        answer(200, stream, {"content-type": "text/event-stream-v2"}),
        script(write(stream), headers=[], framing="length"),
        script(status=204, headers=[], framing="close"),
    )
    for checks in await bench.respond_to_all(answers):
        checks.http_error(502)


@scenario(clause=("U4", "R2"), everywhere=True, evidence="RFC 9110 8.3.1")
async def uperr_content_type_parameters(bench: RelayBench) -> None:
    """The daemon accepts a content type with parameters, in upper or lower case."""
    types = ("text/event-stream; charset=utf-8", "Text/Event-Stream", "text/event-stream ;a=b")
    scripts = (finished(delta("Once"), headers={"content-type": value}) for value in types)
    for checks in await bench.respond_to_all(scripts):
        checks.http_status(200, clause="U4").no_error().content_as_sent().done_marker()


@scenario(clause=("U8", "R5"), everywhere=True, evidence="RFC 9110 15.4")
async def uperr_redirect(bench: RelayBench) -> None:
    """The daemon does not follow a redirect; the client receives 502."""
    places = ("/v1/chat/completions", f"{bench.upstream.addresses.http}/chat/completions")
    redirects = [
        answer(status, "", {"location": place})
        for status in (301, 302, 303, 307, 308)
        for place in places
    ]
    for checks in await bench.respond_to_all(redirects):
        checks.http_error(502)
