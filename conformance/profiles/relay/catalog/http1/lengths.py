"""Bodies that a length or the connection's end frames, and frames that contradict each other."""

from conformance.core.scenario import scenario
from conformance.core.script import chunk, data, delta, finish, raw, script, write
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.http1.framing import (
    CHUNKED,
    GOOD,
    H1,
    LAST,
    ONE,
    STOP,
    STREAM,
    not_used_again,
    sized,
    whole,
    wire,
)


@scenario(clause=("U4", "R4", "R6"), everywhere=True, needs=H1, evidence="RFC 9112 6.3, 8")
async def http1_length_not_met(bench: RelayBench) -> None:
    """The daemon fails a body that is shorter than its Content-Length."""
    scripts = [
        wire(write(ONE), write(STOP), headers=sized(len(ONE + STOP) + missing), ending="abort")
        for missing in (1, 1000)
    ]
    for checks in await bench.respond_to_all(scripts):
        checks.cut_off()


@scenario(
    clause=("U4", "R6", "U9"), everywhere=True, needs=H1, alone=True, evidence="RFC 9112 6.3, 8"
)
async def http1_length_exceeded(bench: RelayBench) -> None:
    """The daemon ends a body at its Content-Length, and ignores the bytes after it."""
    cut = len(STOP) - 20
    steps = (write(ONE), write(STOP[:cut]), raw(STOP[cut:]))
    checks = await bench.respond(script=wire(*steps, headers=sized(len(ONE) + cut)))
    checks.sse_format().content_as_sent().no_done_marker().failed_stream()
    await not_used_again(bench, checks)


@scenario(
    clause="U9",
    everywhere=True,
    needs=H1,
    alone=True,
    evidence='valyala/fasthttp#1743 "stale buffered data on reuse"; RFC 9112 9.2',
)
async def http1_extra_response(bench: RelayBench) -> None:
    """No client receives a second response that the API sends unasked."""
    foreign = data(chunk(content="foreign", reason="stop"))
    second = raw(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(foreign), foreign)
    )
    for value in (
        wire(write(ONE), write(STOP), second, headers=sized(len(ONE + STOP))),
        wire(*GOOD, raw(LAST), second),
    ):
        checks = await bench.respond(script=value)
        whole(checks)
        await not_used_again(bench, checks)
        if bench.findings:
            break  # the rest of this answer would be blamed on the next one


@scenario(
    clause=("U4", "R4"),
    everywhere=True,
    needs=H1,
    evidence='RFC 9112 6.3; tinyproxy/tinyproxy#609 "CL/TE desync"',
)
async def http1_length_and_chunks(bench: RelayBench) -> None:
    """The daemon reads the chunks of a body with chunks and a length, or refuses the answer."""
    scripts = [
        wire(*GOOD, raw(LAST), headers={**CHUNKED, **sized(length)}) for length in (5, 100_000)
    ]
    for checks in await bench.respond_to_all(scripts):
        if checks.response.status == 502:
            checks.http_error(502)
        else:
            whole(checks)


@scenario(clause=("U4", "R4"), everywhere=True, needs=H1, evidence="RFC 9112 6.3")
async def http1_close_delimited(bench: RelayBench) -> None:
    """The daemon ends an unframed body, of HTTP/1.0 or 1.1, with the connection."""
    scripts = [
        script(
            delta("Once"),
            finish("stop"),
            head=f"HTTP/{version} 200 OK\r\nContent-Type: {STREAM}\r\n\r\n",
            framing="close",
        )
        for version in ("1.0", "1.1")
    ]
    for checks in await bench.respond_to_all(scripts):
        whole(checks)


@scenario(clause=("U4", "R5", "R6"), everywhere=True, needs=H1, evidence="RFC 9112 6.1, 6.3")
async def http1_bad_framing(bench: RelayBench) -> None:
    """The daemon fails an answer whose head frames the body wrongly or twice."""
    headers: list[list[list[str]]] = [
        [["content-length", str(len(ONE + STOP))], ["content-length", "5"]],
        [["content-length", "many"]],
        [["content-length", "-1"]],
        [["content-length", ""], ["content-length", str(len(ONE + STOP))]],
        [["transfer-encoding", "gzip, chunked"]],
        [["transfer-encoding", "xchunked"]],
    ]
    scripts = [
        wire(write(ONE + STOP), headers=[["content-type", STREAM], *fields], ending="abort")
        for fields in headers
    ]
    for checks in await bench.respond_to_all(scripts):
        checks.failed()
