"""Handoff data that tries to change headers, requests, the API's address or its key."""

from conformance.checks import Checks
from conformance.core.quoting import excerpt, plural
from conformance.core.scenario import Start, scenario
from conformance.profiles.handoff.bench import HandoffBench
from conformance.profiles.relay.catalog.security import decoy, refusal
from conformance.profiles.relay.request import ORDINARY

# Headers that response_headers may add (R1)

VALID = {
    "X-Trace": "abc-123",
    "Set-Cookie": "session=1; Path=/; HttpOnly",
    "Link": '<https://example.org/>; rel="next", </other>; rel="prev"',
    "X-Empty": "",
    "x!#$%&'*+-.^_`|~1": "every character of a token",
}

RESERVED = {
    "Content-Type": "text/plain",
    "cache-control": "max-age=3600",
    "CONNECTION": "keep-alive",
    "Transfer-Encoding": "chunked",
    "content-Length": "5",
    "Content-Encoding": "gzip",
    "x-accel-buffering": "yes",
}

NO_NAMES = ("", "X Trace", "X-Trace:", "X-Tr\u00e4ce", "X\r\nX-Injected", "X\x00", "X(1)", "X\t")
CONTROLS = ("a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rX-Injected: 1", "a\x00b", "a\x7fb", "\n")
NO_STRINGS = (5, 1.5, True, None, ["dropped"], {"a": "dropped"})


@scenario(clause="R1", evidence='handoff.md, "response_headers"; RFC 9110 5.1')
async def sec_response_headers(bench: HandoffBench) -> None:
    """The answer's head has each header that the handoff asks for, unchanged."""
    checks = await bench.respond(request={"response_headers": VALID})
    for name, value in VALID.items():
        checks.header(name, value)
    checks.sse_format().done_marker()


@scenario(clause="R1", evidence='handoff.md, "response_headers"')
async def sec_response_headers_on_errors(bench: HandoffBench) -> None:
    """An error response has the requested headers, and the daemon's own."""
    asked = {"response_headers": {"X-Trace": "abc-123", **RESERVED}}
    refused = bench.exchange(pattern=ORDINARY, request={"prompt": 5, **asked})
    checks = (await bench.finished(refused)).http_status(400, clause="H3")
    if not refused.failures:
        checks.header("X-Trace", "abc-123").header_contains("Content-Type", "application/json")
        checks.header("Connection", "close").no_header("Content-Encoding")
        checks.no_header("Transfer-Encoding").ended()
    down = refusal({"message": "down", "type": "server_error", "code": None}, status=500)
    checks = await bench.respond(script=down, request=asked)
    checks.http_status(502).header("X-Trace", "abc-123")


@scenario(clause="R1", evidence='handoff.md, "response_headers"; RFC 9112 6')
async def sec_response_headers_reserved(bench: HandoffBench) -> None:
    """The daemon sends its own framing and caching headers, each once."""
    request = {"response_headers": {**RESERVED, "X-Trace": "abc-123"}}
    checks = await bench.respond(request=request)
    checks.header("X-Trace", "abc-123").header_contains("Content-Type", "text/event-stream")
    checks.header("Cache-Control", "no-cache").header("Connection", "close")
    checks.header("X-Accel-Buffering", "no").no_header("Content-Length")
    checks.no_header("Transfer-Encoding").no_header("Content-Encoding")
    checks.sse_format().done_marker()


@scenario(clause="R1", evidence="RFC 9110 5.1 and 5.5; reasoned")
async def sec_response_headers_invalid(bench: HandoffBench) -> None:
    """The daemon drops headers with invalid names or non-string values, and no others."""
    headers = {name: "dropped" for name in NO_NAMES if name.isprintable()}
    headers |= {f"X-Value-{n}": value for n, value in enumerate(NO_STRINGS)}  # type: ignore[misc]
    headers |= {"X-Half": "\ud83d", "X-Trace": "abc-123"}
    checks = await bench.respond(request={"response_headers": headers})
    _no_trace_of(bench, checks, "dropped")
    _no_trace_of(bench, checks, "X-Value-")
    checks.header("X-Trace", "abc-123").sse_format().done_marker()


def _no_trace_of(bench: HandoffBench, checks: Checks, text: str) -> None:
    response = checks.response
    head = response.transcript.raw[: response.body_offset]
    bench.check(
        text.lower().encode() not in head.lower(),
        "no_trace",
        expected=f"a head without {text!r}",
        actual=excerpt(head, 400),
    )


# Line ends (S1)


@scenario(
    clause=("S1", "R1"),
    evidence='dart-lang/http#1368 "CRLF injection using headers"; RFC 9112 11.1',
)
async def sec_response_header_injection(bench: HandoffBench) -> None:
    """A name or value in response_headers does not add a header or end the head."""
    headers = {name: "dropped" for name in NO_NAMES if not name.isprintable()}
    headers |= {f"X-Value-{n}": value for n, value in enumerate(CONTROLS)}
    headers |= {"X-End": "a\r\n\r\ndata: injected\r\n\r\n", "X-Trace": "abc-123"}
    checks = await bench.respond(request={"response_headers": headers}, clause="S1")
    for text in ("injected", "dropped", "X-Value-", "X-End", "\x00"):
        _no_trace_of(bench, checks, text)
    checks.header("X-Trace", "abc-123").content_as_sent().done_marker()


@scenario(
    clause="S1",
    everywhere=True,
    alone=True,
    evidence='dart-lang/http#1368 "CRLF injection using headers"; RFC 9112 11.1 and 11.2',
)
async def sec_header_injection(bench: HandoffBench) -> None:
    """A field of the handoff data does not add a header or a request upstream."""
    tails = ("\r\nX-Injected: 1", "\nX-Injected: 1", "\rX-Injected: 1", "\x00X-Injected: 1")
    smuggled = "a\r\n\r\nGET /injected HTTP/1.1\r\nHost: x\r\n\r\n"
    values = [*(f"a{tail}" for tail in tails), smuggled]
    for field in ("request_id", "test_pattern"):
        for value in values:
            exchange = bench.exchange(request={field: value}, clause="S1")
            (await bench.finished(exchange)).ended()
    await bench.healthy(clause="S1")
    entries = await bench.upstream.by_key(bench.daemon.key_name)
    injected = [
        entry
        for entry in entries
        if entry.header("X-Injected") is not None or entry.path.endswith("/injected")
    ]
    bench.check(
        not injected and len(entries) <= 2 * len(values) + 1,
        "nothing_injected",
        expected="no header and no request except the daemon's own",
        actual=f"{plural(len(entries), 'request')}, with headers injected into {len(injected)}",
    )


# Where the request goes (S2)


@scenario(
    clause=("S2", "U1"),
    everywhere=True,
    evidence='llm-d/llm-d-router#242 "SSRF via header"; techlab-innov/llmtrace#274',
)
async def sec_destination(bench: HandoffBench) -> None:
    """The handoff data does not change the address or the key of the API."""
    async with decoy(bench) as elsewhere:
        url = f"http://{elsewhere}/v1"
        names = ("base_url", "api_base", "url", "endpoint", "upstream", "OPENAI_API_BASE", "proxy")
        request = {
            **dict.fromkeys(names, url),
            "host": elsewhere,
            "api_key": "sk-stolen",
            "headers": {"Host": elsewhere, "Authorization": "Bearer sk-stolen"},
        }
        checks = await bench.respond(request=request, clause="U1")
        checks.request_unchanged().content_as_sent().done_marker()


# Its environment

NOWHERE = "http://127.0.0.1:9"
"""The discard port: servers have left it closed for decades."""


@scenario(
    clause=("U1", "S2"),
    alone=True,
    start=Start(
        env={
            name: NOWHERE
            for variable in ("http_proxy", "https_proxy", "all_proxy")
            for name in (variable, variable.upper())
        }
    ),
    everywhere=True,
    evidence="handoff.md: proxy variables are ignored; CVE-2016-5385 (httpoxy)",
)
async def sec_proxy(bench: HandoffBench) -> None:
    """The daemon ignores proxy variables in its environment."""
    await bench.healthy(clause="U1")
