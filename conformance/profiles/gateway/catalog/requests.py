"""Requests of every kind: without a stream, for models, and those that are not requests."""

import json
import zlib

from conformance.checks import sent
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate, script
from conformance.profiles.gateway.bench import GatewayBench
from conformance.profiles.relay.exchange import Exchange

EVENTS = ("relay=events",)

REFUSED = (400, 404, 413, 415, 422)
"""What a gateway may answer to something that is not a request."""

SHAPE = "OpenAI API reference, errors"


@scenario(clause="G4", everywhere=True)
async def request_without_stream(bench: GatewayBench) -> None:
    """A request with `stream: false` is answered by one JSON object with the whole text."""
    async with bench.exchange(pattern="short", request={"body": {"stream": False}}) as exchange:
        await exchange.start()
        checks = (await exchange.response()).http_status(200).applied("short")
    answer = sent.decoded(checks.response.body)
    choices = answer.get("choices") if isinstance(answer, dict) else None
    message = choices[0].get("message") if choices else None
    text = message.get("content") if isinstance(message, dict) else None
    bench.check(
        isinstance(text, str) and bool(text),
        "message",
        expected="choices[0].message.content with the answer's text",
        actual=checks.response.body.decode(errors="replace"),
        where="response body",
    )


@scenario(clause="G4")
async def request_models(bench: GatewayBench) -> None:
    """`GET /v1/models` is answered by a list of models."""
    path = bench.client.path.replace("/chat/completions", "/models")
    async with bench.exchange(method="GET", path=path) as exchange:
        await exchange.start()
        checks = (await exchange.response()).http_status(200)
    answer = sent.decoded(checks.response.body)
    bench.check(
        isinstance(answer, dict) and isinstance(answer.get("data"), list),
        "models",
        expected='{"object":"list","data":[…]}',
        actual=checks.response.body.decode(errors="replace"),
        where="response body",
    )


async def _refused(bench: GatewayBench, body: bytes) -> None:
    """Check that a body which is not a request is refused, and does not reach the API."""

    def edit(text: bytes) -> bytes:
        head = text.partition(b"\r\n\r\n")[0]
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + body

    async with bench.exchange(pattern="short", edit=edit) as exchange:
        await exchange.start()
        checks = await exchange.response()
    checks.http_error(*REFUSED)
    await bench.not_asked(exchange)


@scenario(clause="G9", needs=EVENTS, evidence=SHAPE)
async def request_bad_json(bench: GatewayBench) -> None:
    """The gateway refuses a body that is not JSON, with OpenAI's error shape."""
    for body in (b"", b"{", b"not json", b'{"messages": [}', b"\xff\xfe"):
        await _refused(bench, body)


@scenario(clause="G9", needs=EVENTS, evidence=SHAPE)
async def request_not_an_object(bench: GatewayBench) -> None:
    """The gateway refuses JSON that is not an object, with OpenAI's error shape."""
    for body in (b"[]", b'"text"', b"null", b"1"):
        await _refused(bench, body)


@scenario(clause="G9", needs=EVENTS, evidence=SHAPE)
async def request_without_messages(bench: GatewayBench) -> None:
    """The gateway refuses a request without messages, with OpenAI's error shape."""
    model = bench.client.model
    bodies: list[dict[str, object]] = [{}, {"messages": []}, {"messages": None}]
    for fields in bodies:
        await _refused(bench, json.dumps({"model": model, "stream": True, **fields}).encode())


@scenario(clause="G9", needs=EVENTS, evidence=SHAPE)
async def request_of_wrong_types(bench: GatewayBench) -> None:
    """The gateway refuses fields of the wrong type, with OpenAI's error shape."""
    user = {"role": "user", "content": "Hello"}
    request = {"model": bench.client.model, "messages": [user], "stream": True}
    for fields in ({"messages": "Hello"}, {"messages": ["Hello"]}, {"model": 1}, {"stream": "yes"}):
        await _refused(bench, json.dumps({**request, **fields}).encode())


@scenario(clause="U1", everywhere=True)
async def request_large(bench: GatewayBench) -> None:
    """A request of 1 MiB reaches the API whole."""
    prompt = "word " * (1 << 18) + "end"
    checks = await bench.respond(pattern="short", request={"prompt": prompt})
    checks.no_error().content_as_sent().request_unchanged()


@scenario(clause=("L4", "S1"))
async def request_of_unknown_path(bench: GatewayBench) -> None:
    """An unknown path is refused, and the next request is served."""
    async with bench.exchange(method="GET", path="/no/such/path") as exchange:
        await exchange.start()
        checks = await exchange.response()
    status = checks.response.status or 0
    bench.check(
        400 <= status < 600, "status", expected="an error status", actual=f"{status}", where="head"
    )
    await bench.healthy()


@scenario(
    clause="G6", needs=("adds=stream_options",), evidence="OpenAI API reference, stream_options"
)
async def request_usage_unasked(bench: GatewayBench) -> None:
    """The client receives no usage chunk that it did not ask for."""
    checks = (await bench.respond(pattern="usage")).no_error().done_marker()
    for event in checks.response.chunks:
        asked = not (isinstance(event.json, dict) and event.json.get("usage"))
        bench.check(
            asked, "usage", expected="no usage chunk", actual=event.data, where="response body"
        )


@scenario(clause=("G8", "R7"), needs=("client=h1",), evidence="RFC 9110 12.5.3")
async def coding_as_negotiated(bench: GatewayBench) -> None:
    """A client that accepts gzip receives each event in time, whether it is coded or not."""
    pattern = await bench.script(finished(delta("One"), gate(1), delta(" two")))
    async with bench.exchange(
        pattern=pattern,
        headers={"accept-encoding": "gzip"},
        accepts=frozenset({"gzip"}),
        http2=False,
    ) as exchange:
        await exchange.start()
        head = await exchange.head()
        coding = (head.header("content-encoding") or "identity").lower()
        if coding == "gzip":
            await bench.until(lambda: "One" in _inflated(exchange.seen().body), within=4.0)
            bench.check(
                "One" in _inflated(exchange.seen().body),
                "coded_event",
                expected="the first event before the API sends the second one",
                actual=_inflated(exchange.seen().body) or "nothing that can be decoded",
                where="response body",
                clause="R7",
            )
        else:
            await exchange.events(1)
        await exchange.open_gate(1)
        checks = await exchange.response()
    if coding == "gzip":
        text = _inflated(checks.response.body)
        bench.check(
            "[DONE]" in text,
            "coded_end",
            expected="the whole stream in gzip",
            actual=text,
            where="response body",
        )
    else:
        bench.check(
            coding == "identity", "coding", expected="identity or gzip", actual=coding, where="head"
        )
        checks.no_error().content("One two").done_marker()


def _inflated(body: bytes) -> str:
    """What a decoder shows of a gzip body that may still grow; empty where it is not gzip."""
    try:
        return zlib.decompressobj(wbits=31).decompress(body).decode(errors="replace")
    except zlib.error:
        return ""


@scenario(clause=("G8", "R1"), everywhere=True, evidence="RFC 9110 12.5.3")
async def coding_not_asked(bench: GatewayBench) -> None:
    """A client that accepts no coding receives an answer without Content-Encoding."""
    headers = {"accept-encoding": "identity"}
    async with bench.exchange(pattern="short", headers=headers) as exchange:
        await exchange.start()
        checks = await exchange.response()
    checks.no_header("Content-Encoding").no_error().content_as_sent().done_marker()


@scenario(
    script=script(
        delta("Hello"),
        headers=[["content-type", "text/event-stream"], ["keep-alive", "timeout=7777"]],
    ),
    clause="R1",
    needs=("upstream=h1",),
    everywhere=True,
    evidence="RFC 9110 7.6.1",
)
async def hop_by_hop_fields_stay(exchange: Exchange) -> None:
    """The API's hop-by-hop fields do not reach the client."""
    head = await exchange.head()
    checks = await exchange.response()
    if "7777" in (head.header("keep-alive") or ""):
        checks.no_header("Keep-Alive")
