"""Keys, line ends and destinations that must stay where they are."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from conformance.checks import Checks
from conformance.core.quoting import excerpt, plural
from conformance.core.scenario import Api, Start, scenario
from conformance.core.script import Script, chunk, data, delta, event, finished, script, write
from conformance.profiles.relay.bench import RelayBench

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}


def refusal(error: Mapping[str, object], *, status: int) -> Script:
    """An answer with this status and error object."""
    return script(write(json.dumps({"error": error})), status=status, headers=JSON)


@scenario(clause=("U1", "S1"), everywhere=True, evidence="RFC 8259 7; reasoned")
async def sec_control_characters(bench: RelayBench) -> None:
    """The API receives control characters in JSON fields unchanged."""
    text = "a\r\nX-Injected: 1\x00\x7f\u2028\t"
    fields = dict.fromkeys(("prompt", "system", "model", "user_id"), text)
    checks = await bench.respond(request=fields)
    checks.request_unchanged().content_as_sent().done_marker()


INJECTIONS = ("a\rb", "a\nb", "a\r\nb", "\n\ndata: [DONE]\n\n", "\r\rdata: injected\r\r", "id: 1\n")


@scenario(
    script=finished(*map(delta, INJECTIONS)),
    clause=("S1", "R3"),
    everywhere=True,
    evidence='mpetrunic/fastify-sse-v2#110 "CR passes through"; nestjs/nest#16686',
)
def sec_sse_injection(response: Checks) -> None:
    """Line ends in the text do not add an event, a field or an end."""
    response.sse_format(clause="S1").chunk_count(len(INJECTIONS), clause="S1")
    response.no_error().content_as_sent().done_marker()


@scenario(
    script=finished(
        event({**chunk(content="one"), "id": "a\r\rdata: x\r\r", "model": "\n\ndata: [DONE]\n\n"}),
        write(data(chunk(content="two")).replace(b'{"id"', b'{\ndata: "id"')),
        write(data(chunk(content="three")).replace(b'{"id"', b'{\r\ndata: \t"id"')),
    ),
    clause=("S1", "R2"),
    needs=("format=openai",),
    everywhere=True,
    evidence='nestjs/nest#16686 "sanitize SSE message"; HTML 9.2.6, data lines',
)
def sec_sse_injection_fields(response: Checks) -> None:
    """Line ends in ids, names and data lines do not end an event."""
    response.sse_format(clause="S1").chunk_count(3).no_error()
    response.events_in_order().done_marker()


POISON = {"message": "no\n\ndata: [DONE]\n\n", "type": "a\r\rdata: x\r\r", "code": "b\nid: 1"}


@scenario(
    script=script(delta("one"), event({"error": POISON})),
    clause=("S1", "R6"),
    everywhere=True,
    evidence='mpetrunic/fastify-sse-v2#110 "CR passes through"',
)
def sec_sse_injection_error(response: Checks) -> None:
    """Line ends in the API's error event do not add a second event."""
    response.sse_format(clause="S1").chunk_count(1).no_done_marker().failed_stream()


@scenario(
    script=refusal(POISON, status=400),
    clause=("S1", "R5"),
    everywhere=True,
    evidence='mpetrunic/fastify-sse-v2#110 "CR passes through"',
)
def sec_error_injection(response: Checks) -> None:
    """Line ends in the API's refusal stay inside the daemon's JSON."""
    response.http_error(400).no_header("id", clause="S1").ended()


def _without(bench: RelayBench, checks: Checks) -> None:
    """Check that a response does not contain the key, as bytes or as JSON."""
    key, response = bench.daemon.key, checks.response
    decoded = [event.json for event in response.events]
    if not response.events:
        with suppress(ValueError):
            decoded.append(json.loads(response.body))
    seen = response.transcript.raw.decode(errors="replace") + json.dumps(decoded, default=str)
    bench.check(
        key not in seen,
        "key_unseen",
        expected="a response without the API key",
        actual=excerpt(seen.replace(key, "<THE KEY>"), 400),
    )


def _unlogged(bench: RelayBench) -> None:
    key = bench.daemon.key
    lines = [line for line in bench.daemon.log().splitlines() if key in line]
    bench.check(
        not lines,
        "key_unlogged",
        expected="a log without the API key",
        actual=" | ".join(line.replace(key, "<THE KEY>") for line in lines[:2]),
    )


@scenario(
    clause="S2",
    alone=True,
    everywhere=True,
    evidence='BerriAI/litellm#39757 "wrong-key 401 leaks internals"; techlab-innov/llmtrace#274',
    needs=("events",),
)
async def sec_secret_leak(bench: RelayBench) -> None:
    """No response and no log line contains the key, however the API quotes it."""
    key = bench.daemon.key
    quoted = {"message": f"Incorrect API key provided: {key}.", "type": key, "code": key}
    error = json.dumps({"error": {**quoted, "param": key}})
    escaped = error.replace(key, "".join(f"\\u{ord(character):04x}" for character in key))
    page = f"<html><body>Bearer {key} is not known</body></html>"
    refusals: list[tuple[Script, tuple[int, ...]]] = [
        (script(write(error), status=401, headers=JSON), (401, 502)),
        (script(write(escaped), status=403, headers=JSON), (403, 502)),
        (script(write(error), status=429, headers={**JSON, "x-debug": key}), (429,)),
        (script(write(page), status=400, headers=HTML), (400,)),
        (script(write(page), status=502, headers={**HTML, "x-debug": key}), (502,)),
        (script(write(error), headers=JSON), (502,)),
        (script(write(page), headers=HTML), (502,)),
    ]
    for value, statuses in refusals:
        checks = await bench.respond(script=value)
        checks.http_error(*statuses)
        _without(bench, checks)
    events = (
        f"data: {error}\n\n",
        f"data: {escaped}\n\n",
        f"event: error\ndata: {key}\n\n",
        f"data: error: {key}\n\n",
    )
    for failure in events:
        checks = await bench.respond(script=script(delta("one"), write(failure)))
        checks.failed_stream()
        _without(bench, checks)
    await bench.healthy()
    _unlogged(bench)


@scenario(
    clause=("S2", "R5"),
    alone=True,
    start=Start(api=Api.REFUSING),
    everywhere=True,
    evidence='BerriAI/litellm#39757 "wrong-key 401 leaks internals"',
)
async def sec_secret_leak_unreachable(bench: RelayBench) -> None:
    """No response and no log line contains the key while the API is unreachable."""
    checks = (await bench.finished(bench.exchange())).http_error(502).ended()
    _without(bench, checks)
    _unlogged(bench)


@asynccontextmanager
async def decoy(bench: RelayBench) -> AsyncIterator[str]:
    """The host and port of a server that must not receive a connection."""
    received: list[bytes] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(1 << 16))
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
    bench.check(
        not received,
        "decoy",
        expected="no connection to any place except the configured API",
        actual=f"{plural(len(received), 'connection')}: {excerpt(b''.join(received))}",
    )


@scenario(
    clause=("U8", "S2", "R5"),
    everywhere=True,
    evidence='llm-d/llm-d-router#242 "SSRF via header"; RFC 9110 15.4',
)
async def sec_destination_redirect(bench: RelayBench) -> None:
    """The daemon does not follow a redirect to any place; the client receives 502."""
    async with decoy(bench) as elsewhere:
        places = [
            *(
                (status, f"http://{elsewhere}/v1/chat/completions")
                for status in (301, 302, 303, 307)
            ),
            *((308, f"https://{elsewhere}/"), (307, "/v1/chat/completions")),
        ]
        for status, place in places:
            moved = script(write("Moved."), status=status, headers={"location": place})
            checks = await bench.respond(script=moved)
            checks.http_error(502).ended()
