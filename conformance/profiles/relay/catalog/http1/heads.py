"""Heads of the API's response: informational, malformed, missing, and of a compressed body."""

import zlib

from conformance.checks import Checks
from conformance.core.evidence import Kind
from conformance.core.scenario import scenario
from conformance.core.script import attempts, delta, finish, finished, gate, script, write
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.http1.framing import H1, ONE, STOP, STREAM


@scenario(
    script=finished(
        delta("Once"),
        informational=[
            {"status": 100},
            {"status": 103, "headers": {"link": "</a.css>; rel=preload"}},
            {"status": 103, "headers": {"content-type": "text/html"}},
        ],
    ),
    clause=("U4", "R5"),
    everywhere=True,
    evidence='RFC 9110 15.2; snoyberg/http-client#521 "misbehaves on early hints"',
)
def http1_informational(response: Checks) -> None:
    """The daemon skips informational responses, and relays the one after them."""
    response.http_status(200, clause="U4").no_error().content_as_sent().done_marker()


@scenario(clause=("R5", "U4"), everywhere=True, needs=H1, deadline=3.0, evidence="RFC 9112 4, 5")
async def http1_bad_head(bench: RelayBench) -> None:
    """The client receives 502 where the API's head is not HTTP/1.1."""
    heads = (
        "ICY 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
        "HTTP/1.1 OK\r\nContent-Type: text/event-stream\r\n\r\n",
        "HTTP/1.1 20x OK\r\nContent-Type: text/event-stream\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type text/event-stream\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent Type: text/event-stream\r\n\r\n",
        "data: {}\n\n",
        "\x16\x03\x01\r\n\r\n",
    )
    scripts = [script(delta("Once"), finish("stop"), head=head, framing="close") for head in heads]
    for checks in await bench.respond_to_all(scripts):
        checks.http_error(502)


@scenario(
    clause=("R5", "U8"),
    everywhere=True,
    needs=H1,
    alone=True,
    evidence='headroomlabs-ai/headroom#3083 "502 not 200"',
)
async def http1_no_head(bench: RelayBench) -> None:
    """The client receives 502 where a fresh connection ends before or within the head."""
    heads = ("", "H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/event-st")
    failing = [
        script(head=head, framing="close", ending=ending)
        for head in heads
        for ending in ("abort", "reset")
    ]
    scripts = (attempts(first, finished(delta("Once"))) for first in failing)
    for checks in await bench.respond_to_all(scripts):
        if len(checks.observation.upstream) == 1:  # a second request is reported already
            checks.http_error(502)


@scenario(
    clause=("R5", "R7", "U4"),
    everywhere=True,
    evidence='Kong/kong#14893 "request identity encoding", FootprintAI/Containarium#826',
    needs=("events",),
)
async def http1_compressed(bench: RelayBench) -> None:
    """The daemon decodes a compressed answer as it comes, or fails one it did not ask for."""
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH) for event in (ONE, STOP)]
    headers = {"content-type": STREAM, "content-encoding": "gzip"}
    value = script(write(pieces[0]), gate(1), write(pieces[1] + packer.flush()), headers=headers)
    pattern = await bench.script(value)
    async with bench.exchange(pattern=pattern) as exchange:
        await exchange.start()
        head = await exchange.head()
        decoded = head.status == 200 and (await exchange.events(1))[0].kind is Kind.CHUNK
        await exchange.open_gate(1)
        checks = (await exchange.response()).applied(pattern)
    if decoded:
        checks.no_error().content("Once").done_marker()
        return
    checks.failed()
    for entry in checks.observation.upstream:
        accepted = entry.header("accept-encoding") or ""
        bench.check(
            "gzip" not in accepted,
            "not_asked_for",
            expected="no request for a coding that is then refused",
            actual=f"accept-encoding: {accepted}",
            clause="U4",
        )
