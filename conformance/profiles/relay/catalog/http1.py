"""HTTP/1.1 to the API, octet by octet: how messages are framed, and how they must not be.

The answers here mostly end after finish_reason without `[DONE]`: then the end
of the body decides whether they are complete, and the daemon has to read it.
"""

import asyncio
import zlib
from collections.abc import Iterable

from conformance.checks import Checks
from conformance.core.evidence import Kind
from conformance.core.finding import FindingKind
from conformance.core.quoting import arrived
from conformance.core.scenario import Api, Start, scenario
from conformance.core.script import (
    Script,
    Step,
    attempts,
    chunk,
    data,
    delta,
    finish,
    finished,
    gate,
    raw,
    script,
    write,
)
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.upstream import JSON

H1 = ("upstream=h1",)

STREAM = "text/event-stream"
CHUNKED = {"content-type": STREAM, "transfer-encoding": "chunked"}

ONE = data(chunk(content="Once"))
STOP = data(chunk(reason="stop"))
COMMENT = b": more\n\n"
LAST = b"0\r\n\r\n"


def _chunk(body: bytes, *, extension: bytes = b"") -> tuple[Step, ...]:
    return raw(b"%x%b\r\n" % (len(body), extension)), write(body), raw(b"\r\n")


def _wire(
    *steps: Step, headers: dict[str, str] | list[list[str]] | None = None, ending: str = "clean"
) -> Script:
    """A response that is framed by its own headers and steps, if at all."""
    return script(*steps, framing="raw", headers=headers or CHUNKED, ending=ending)


GOOD = (*_chunk(ONE), *_chunk(STOP))
"""Chunks of a whole answer, but for the last one."""


async def _all(bench: RelayBench, scripts: Iterable[Script]) -> list[Checks]:
    return await asyncio.gather(*(bench.respond(script=each) for each in scripts))


def _whole(checks: Checks) -> None:
    checks.no_error().content_as_sent().done_marker()


def _broken(checks: Checks) -> None:
    checks.sse_format().content_as_sent().no_done_marker().failed_stream()


async def _not_used_again(bench: RelayBench, *before: Checks) -> None:
    """The next request is served as ever, on a connection of none of these."""
    checks = await bench.respond(pattern="short", clause="U9")
    checks.content_as_sent().done_marker()
    spoilt = {entry.connection for each in before for entry in each.observation.upstream}
    for entry in checks.observation.upstream:
        bench.check(
            entry.connection not in spoilt,
            "not_used_again",
            expected="a connection on which too much or too little came carries no other request",
            actual=f"the next request came on connection {entry.connection} as well",
            clause="U9",
        )


# Chunks


@scenario(
    clause=("U4", "R4", "R2"),
    everywhere=True,
    needs=H1,
    evidence='RFC 9112 7.1.1; freeunitorg/freeunit#106 "trailer truncates body"',
)
async def http1_chunk_extensions(bench: RelayBench) -> None:
    """Chunk extensions, and sizes in any spelling, are read and mean nothing."""
    ways = [
        _wire(
            *_chunk(ONE, extension=each),
            *_chunk(STOP, extension=each),
            raw(b"0" + each + b"\r\n\r\n"),
        )
        for each in (b";a=b", b";a", b'; a = "b;c"', b";" + b"x" * 2000)
    ]
    zeros = (raw(b"0000%X\r\n" % len(ONE)), write(ONE), raw(b"\r\n"), *_chunk(STOP))
    for checks in await _all(bench, [*ways, _wire(*zeros, raw(b"0000" + LAST))]):
        _whole(checks)


@scenario(
    clause=("U4", "R4", "U9"),
    everywhere=True,
    needs=H1,
    evidence='RFC 9112 7.1.2; freeunitorg/freeunit#106 "trailer truncates body"',
)
async def http1_trailers(bench: RelayBench) -> None:
    """Trailer fields after the last chunk are read to their end and mean nothing."""
    fields = b"X-Checksum: 12\r\ndata: {}\r\nContent-Length: 5\r\n"
    _whole(await bench.respond(script=_wire(*GOOD, raw(b"0\r\n" + fields + b"\r\n"))))
    (await bench.respond(pattern="short", clause="U9")).content_as_sent().done_marker()


BAD_CHUNKS = {
    "a size that is no number": b"zz\r\n%b\r\n",
    "a size with junk behind it": b"8zz\r\n%b\r\n",
    "a size with a prefix": b"0x8\r\n%b\r\n",
    "no size": b"\r\n%b\r\n",
    "a negative size": b"-8\r\n%b\r\n",
    "a size with a sign": b"+8\r\n%b\r\n",
    "two sizes": b"8 8\r\n%b\r\n",
    "a size of 65 bits": b"10000000000000008\r\n%b\r\n",
    "a bare LF behind the size": b"8\n%b\r\n",
    "a bare LF behind the data": b"8\r\n%b\n",
    "junk in place of CRLF": b"8\r\n%bXX",
    "more data than its size": b"6\r\n%b\r\n",
}
"""Chunks of COMMENT. Whoever reads over the mistake finds a complete answer."""


@scenario(
    clause=("U4", "R4", "R6", "U9", "H10"),
    everywhere=True,
    needs=H1,
    alone=True,
    evidence='RFC 9112 7.1; apache/trafficserver#10580 "invalid sizes accepted", golang/go#71988',
)
async def http1_bad_chunk(bench: RelayBench) -> None:
    """A chunk that breaks the rules fails the answer; nothing after it is believed."""
    await bench.healthy()
    before = len(bench.probe().descriptors)
    ways = [_wire(*GOOD, raw(each % COMMENT + LAST)) for each in BAD_CHUNKS.values()]
    found = await _all(bench, ways)
    for checks in found:
        _broken(checks)
    if not bench.findings:  # a mistake that was not seen has been told
        await _not_used_again(bench, *found)
        await bench.until(lambda: len(bench.probe().descriptors) <= before, within=2.0)
        after = len(bench.probe().descriptors)
        bench.check(
            after <= before,
            "released",
            expected=f"{before} descriptors, as before the API broke off {len(ways)} answers",
            actual=f"{after}",
            clause="H10",
        )


@scenario(
    clause=("U4", "R4", "R6"),
    everywhere=True,
    needs=H1,
    evidence='RFC 9112 7.1; apache/trafficserver#10580 "invalid sizes accepted"',
)
async def http1_cut_chunk(bench: RelayBench) -> None:
    """A chunk that ends before its size says, or a body without its last chunk, is truncated."""
    ends = (
        b"100000008\r\n" + COMMENT + b"\r\n" + LAST,  # eight, to those who count in 32 bits
        b"9\r\n" + COMMENT,
        b"8\r\n" + COMMENT + b"\r\n",
        b"8\r\n" + COMMENT + b"\r\n0",
        b"8\r\n" + COMMENT + b"\r\n0\r\n",
        b"",
    )
    for checks in await _all(bench, (_wire(*GOOD, raw(end), ending="abort") for end in ends)):
        _broken(checks)


# Lengths


def _sized(length: int | str) -> dict[str, str]:
    return {"content-type": STREAM, "content-length": str(length)}


@scenario(clause=("U4", "R4", "R6"), everywhere=True, needs=H1, evidence="RFC 9112 6.3, 8")
async def http1_length_not_met(bench: RelayBench) -> None:
    """A body shorter than its Content-Length is truncated."""
    ways = [
        _wire(write(ONE), write(STOP), headers=_sized(len(ONE + STOP) + missing), ending="abort")
        for missing in (1, 1000)
    ]
    for checks in await _all(bench, ways):
        _broken(checks)


@scenario(
    clause=("U4", "R6", "U9"), everywhere=True, needs=H1, alone=True, evidence="RFC 9112 6.3, 8"
)
async def http1_length_exceeded(bench: RelayBench) -> None:
    """A body ends where Content-Length says; what follows belongs to no answer."""
    cut = len(STOP) - 20
    steps = (write(ONE), write(STOP[:cut]), raw(STOP[cut:]))
    checks = await bench.respond(script=_wire(*steps, headers=_sized(len(ONE) + cut)))
    _broken(checks)
    await _not_used_again(bench, checks)


@scenario(
    clause="U9",
    everywhere=True,
    needs=H1,
    alone=True,
    evidence='valyala/fasthttp#1743 "stale buffered data on reuse"; RFC 9112 9.2',
)
async def http1_extra_response(bench: RelayBench) -> None:
    """A second response that nobody asked for is nobody's answer."""
    foreign = data(chunk(content="foreign", reason="stop"))
    second = raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(foreign), foreign)
    )
    for value in (
        _wire(write(ONE), write(STOP), second, headers=_sized(len(ONE + STOP))),
        _wire(*GOOD, raw(LAST), second),
    ):
        checks = await bench.respond(script=value)
        _whole(checks)
        await _not_used_again(bench, checks)
        if bench.findings:
            break  # what is left over of the one would be told of the other


@scenario(
    clause=("U4", "R4"),
    everywhere=True,
    needs=H1,
    evidence='RFC 9112 6.3; tinyproxy/tinyproxy#609 "CL/TE desync"',
)
async def http1_length_and_chunks(bench: RelayBench) -> None:
    """Where a body has chunks and a length, the chunks hold."""
    ways = [
        _wire(*GOOD, raw(LAST), headers={**CHUNKED, **_sized(length)}) for length in (5, 100_000)
    ]
    for checks in await _all(bench, ways):
        _whole(checks)


@scenario(clause=("U4", "R4"), everywhere=True, needs=H1, evidence="RFC 9112 6.3")
async def http1_close_delimited(bench: RelayBench) -> None:
    """A body that nothing frames, of HTTP/1.0 or 1.1, ends with the connection."""
    ways = [
        script(
            delta("Once"),
            finish("stop"),
            head=f"HTTP/{version} 200 OK\r\nContent-Type: {STREAM}\r\n\r\n",
            framing="close",
        )
        for version in ("1.0", "1.1")
    ]
    for checks in await _all(bench, ways):
        checks.no_error().content_as_sent().done_marker()


@scenario(clause=("U4", "R5", "R6"), everywhere=True, needs=H1, evidence="RFC 9112 6.1, 6.3")
async def http1_bad_framing(bench: RelayBench) -> None:
    """A head that does not say how its body is framed, or says it in two ways, is a failure."""
    headers: list[list[list[str]]] = [
        [["content-length", str(len(ONE + STOP))], ["content-length", "5"]],
        [["content-length", "many"]],
        [["content-length", "-1"]],
        [["content-length", ""], ["content-length", str(len(ONE + STOP))]],
        [["transfer-encoding", "gzip, chunked"]],
        [["transfer-encoding", "xchunked"]],
    ]
    ways = [
        _wire(write(ONE + STOP), headers=[["content-type", STREAM], *each], ending="abort")
        for each in headers
    ]
    for checks in await _all(bench, ways):
        checks.failed()


# Heads


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
    """Informational responses are passed over; the answer is the one after them."""
    response.http_status(200, clause="U4").no_error().content_as_sent().done_marker()


@scenario(clause=("R5", "U4"), everywhere=True, needs=H1, evidence="RFC 9112 4, 5")
async def http1_bad_head(bench: RelayBench) -> None:
    """What is no head of an HTTP/1.1 response is a failure."""
    heads = (
        "ICY 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
        "HTTP/1.1 OK\r\nContent-Type: text/event-stream\r\n\r\n",
        "HTTP/1.1 20x OK\r\nContent-Type: text/event-stream\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type text/event-stream\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent Type: text/event-stream\r\n\r\n",
        "data: {}\n\n",
        "\x16\x03\x01\r\n\r\n",
    )
    ways = [script(delta("Once"), finish("stop"), head=each, framing="close") for each in heads]
    for checks in await _all(bench, ways):
        checks.http_error(502)


@scenario(
    clause=("R5", "U8"),
    everywhere=True,
    needs=H1,
    alone=True,
    evidence='headroomlabs-ai/headroom#3083 "502 not 200"',
)
async def http1_no_head(bench: RelayBench) -> None:
    """A fresh connection that ends before or within the head is a failure, not asked again."""
    heads = ("", "H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/event-st")
    broken = [
        script(head=head, framing="close", ending=ending)
        for head in heads
        for ending in ("abort", "reset")
    ]
    for checks in await _all(bench, (attempts(each, finished(delta("Once"))) for each in broken)):
        if len(checks.observation.upstream) == 1:  # a second one has been told
            checks.http_error(502)


@scenario(
    clause=("R5", "R7", "U4"),
    everywhere=True,
    evidence='Kong/kong#14893 "request identity encoding", FootprintAI/Containarium#826',
)
async def http1_compressed(bench: RelayBench) -> None:
    """A compressed answer is decoded as it comes, or it fails where it was not asked for."""
    packer = zlib.compressobj(wbits=31)
    pieces = [packer.compress(each) + packer.flush(zlib.Z_SYNC_FLUSH) for each in (ONE, STOP)]
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


# Requests

LARGE = {"prompt": "x" * 120_000}


def _taken(bench: RelayBench, checks: Checks) -> bool:
    """Check that the daemon took the request, which is as large as the API's."""
    return bench.check(
        checks.response.status != 400 or bool(checks.observation.upstream),
        "taken",
        expected="the daemon takes a request of 120 KB",
        actual=arrived(checks.response),
        kind=FindingKind.NOT_TAKEN,
    )


@scenario(
    script=script(
        write(data({"error": {"message": "too long", "type": "invalid", "code": None}})[6:]),
        status=413,
        headers=JSON,
        framing="length",
        request={"read": 0},
    ),
    clause=("R5", "U8"),
    everywhere=True,
    evidence='encode/httpcore#723 "handle half-closed connections"; RFC 9112 9.3',
)
async def http1_early_response(bench: RelayBench) -> None:
    """An answer that comes before the request was read is the answer."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern, request=LARGE) as exchange:
        await exchange.start()
        checks = await exchange.response()
    if _taken(bench, checks):
        checks.applied(pattern).http_error(413).error_message("too long")


@scenario(
    clause=("R5", "U8"),
    everywhere=True,
    needs=H1,
    alone=True,
    start=Start(api=Api.ABRUPT),
    deadline=5.0,
    evidence='encode/httpcore#723 "handle half-closed connections"; RFC 9112 9.3',
)
async def http1_early_response_unread(bench: RelayBench) -> None:
    """So it is where the request cannot be sent to its end, or the connection is reset."""
    for number in (1, 2, 3):
        async with bench.exchange(request=LARGE) as exchange:
            await exchange.start()
            checks = await exchange.response()
        if _taken(bench, checks):
            checks.http_error(413).error_message(f"answer {number}")


@scenario(
    script=finished(delta("Once"), request={"read": 1000, "gate": 1}),
    clause=("L4", "U1"),
    everywhere=True,
    evidence='encode/httpcore#723 "handle half-closed connections"',
)
async def http1_slow_request(bench: RelayBench) -> None:
    """An API that is slow in reading a request gets all of it, and holds nobody else up."""
    pattern = await bench.pattern()
    async with bench.exchange(pattern=pattern, request=LARGE) as exchange:
        await exchange.start()
        await bench.healthy()
        await exchange.open_gate(1)
        checks = await exchange.response()
    if _taken(bench, checks):
        checks.applied(pattern).request_unchanged().no_error().content_as_sent().done_marker()
