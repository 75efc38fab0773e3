"""Bodies in chunks, well-formed and malformed."""

from conformance.core.scenario import scenario
from conformance.core.script import raw, write
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.catalog.http1.framing import (
    GOOD,
    H1,
    LAST,
    ONE,
    STOP,
    http_chunk,
    not_used_again,
    whole,
    wire,
)

COMMENT = b": more\n\n"


@scenario(
    clause=("U4", "R4", "R2"),
    everywhere=True,
    needs=H1,
    evidence='RFC 9112 7.1.1; freeunitorg/freeunit#106 "trailer truncates body"',
)
async def http1_chunk_extensions(bench: RelayBench) -> None:
    """The daemon ignores chunk extensions, and reads sizes with zeros or in either case."""
    extended = [
        wire(
            *http_chunk(ONE, extension=extension),
            *http_chunk(STOP, extension=extension),
            raw(b"0" + extension + b"\r\n\r\n"),
        )
        for extension in (b";a=b", b";a", b'; a = "b;c"', b";" + b"x" * 2000)
    ]
    zeros = (raw(b"0000%X\r\n" % len(ONE)), write(ONE), raw(b"\r\n"), *http_chunk(STOP))
    for checks in await bench.respond_to_all([*extended, wire(*zeros, raw(b"0000" + LAST))]):
        whole(checks)


@scenario(
    clause=("U4", "R4", "U9"),
    everywhere=True,
    needs=H1,
    evidence='RFC 9112 7.1.2; freeunitorg/freeunit#106 "trailer truncates body"',
)
async def http1_trailers(bench: RelayBench) -> None:
    """The daemon ignores trailer fields, and reads them to their end."""
    fields = b"X-Checksum: 12\r\ndata: {}\r\nContent-Length: 5\r\n"
    whole(await bench.respond(script=wire(*GOOD, raw(b"0\r\n" + fields + b"\r\n"))))
    (await bench.respond(pattern="short", clause="U9")).content_as_sent().done_marker()


BAD_CHUNKS = {
    "a size that is not a number": b"zz\r\n%b\r\n",
    "a size with junk after it": b"8zz\r\n%b\r\n",
    "a size with a prefix": b"0x8\r\n%b\r\n",
    "a missing size": b"\r\n%b\r\n",
    "a negative size": b"-8\r\n%b\r\n",
    "a size with a sign": b"+8\r\n%b\r\n",
    "two sizes": b"8 8\r\n%b\r\n",
    "a bare LF after the size": b"8\n%b\r\n",
    "a bare LF after the data": b"8\r\n%b\n",
    "junk in place of CRLF": b"8\r\n%bXX",
    "more data than its size": b"6\r\n%b\r\n",
}
"""Chunks of COMMENT. A daemon that reads over the mistake finds a complete answer."""


@scenario(
    clause=("U4", "R4", "R6", "U9", "H10"),
    everywhere=True,
    needs=H1,
    alone=True,
    evidence='RFC 9112 7.1; apache/trafficserver#10580 "invalid sizes accepted", golang/go#71988',
)
async def http1_bad_chunk(bench: RelayBench) -> None:
    """The daemon fails an answer with a malformed chunk, and does not read on."""
    await bench.healthy()
    before = len(bench.probe().descriptors)
    scripts = [wire(*GOOD, raw(bad % COMMENT + LAST)) for bad in BAD_CHUNKS.values()]
    answers = await bench.respond_to_all(scripts)
    for checks in answers:
        checks.cut_off()
    if not bench.findings:  # a mistake that the daemon missed is reported already
        await not_used_again(bench, *answers)
        await bench.descriptors_fall_to(before)


@scenario(
    clause=("U4", "R4", "R6"),
    everywhere=True,
    needs=H1,
    evidence='RFC 9112 7.1; apache/trafficserver#10580 "invalid sizes accepted"',
)
async def http1_cut_chunk(bench: RelayBench) -> None:
    """The daemon fails an answer with a short chunk, or without the last chunk."""
    ends = (
        b"100000008\r\n" + COMMENT + b"\r\n" + LAST,  # eight, for a daemon that counts in 32 bits
        b"10000000000000008\r\n" + COMMENT + b"\r\n" + LAST,  # the same for 64 bits
        b"9\r\n" + COMMENT,
        b"8\r\n" + COMMENT + b"\r\n",
        b"8\r\n" + COMMENT + b"\r\n0",
        b"8\r\n" + COMMENT + b"\r\n0\r\n",
        b"",
    )
    scripts = (wire(*GOOD, raw(end), ending="abort") for end in ends)
    for checks in await bench.respond_to_all(scripts):
        checks.cut_off()
