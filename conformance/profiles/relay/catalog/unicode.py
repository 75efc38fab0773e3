"""Text beyond ASCII, which the daemon must relay byte for byte."""

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import (
    chunk,
    cut,
    data,
    delta,
    finished,
    gate,
    gated,
    raw,
    script,
    write,
)
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.exchange import Exchange

CUTTABLE = ("0", "1é", "2中", "3中", "4😀", "5😀", "6😀")
OFFSETS = (2, 2, 3, 2, 3, 4)
"""Every inner offset of the characters of 2, 3 and 4 bytes; the first delta stays whole."""

BOM = b"\xef\xbb\xbf"


def _at(text: str, offset: int) -> int:
    """An offset within the text of this delta, as an offset in its event."""
    return data(chunk(content=text)).index(text.encode()) + offset


def _invalid(broken: bytes) -> bytes:
    """An event whose text holds these bytes between `<` and `>`."""
    return data(chunk(content="<?>")).replace(b"?", broken)


@scenario(pattern="unicode", clause=("R3", "R2"), everywhere=True)
def unicode_content(response: Checks) -> None:
    """The client receives many scripts and symbols unchanged, one event for each delta."""
    response.relayed().utf8_valid().chunk_count(35)


@scenario(pattern="unicode", clause="R3", everywhere=True)
def unicode_emoji(response: Checks) -> None:
    """The client receives emoji unchanged."""
    response.no_error().utf8_valid().content_contains("😀", "🚀").content_as_sent()


@scenario(pattern="unicode", clause="R3", everywhere=True)
def unicode_cjk(response: Checks) -> None:
    """The client receives Chinese, Japanese and Korean characters unchanged."""
    response.no_error().utf8_valid().content_contains("中", "文").content_as_sent()


@scenario(pattern="unicode", clause="R3", everywhere=True)
def unicode_4byte(response: Checks) -> None:
    """The client receives characters of four bytes in UTF-8 unchanged."""
    response.no_error().utf8_valid().content_contains("𝐀").content_as_sent()


@scenario(
    script=finished(
        *gated(
            *(data(chunk(content=text)) for text in CUTTABLE),
            cuts=[_at(text, offset) for text, offset in zip(CUTTABLE[1:], OFFSETS, strict=True)],
        )
    ),
    clause=("U2", "R3"),
    everywhere=True,
    evidence='lobehub/lobehub#18805 "multi-byte split across stream chunks", '
    "braintrustdata/braintrust-sdk-javascript#2091",
)
async def unicode_split_codepoint(exchange: Exchange) -> None:
    """The daemon joins a character that arrives in two parts, cut at any of its bytes."""
    await exchange.step_through(len(OFFSETS))
    response = await exchange.response()
    response.relayed().utf8_valid().content("".join(CUTTABLE))


DRIP = b"".join(data(chunk(content=text)) for text in (" a", " é", " 中", " 😀 \n"))


@scenario(
    script=finished(
        delta("by the byte:"),
        gate(1),  # from here on the daemon waits for each byte
        *(step for at in range(len(DRIP)) for step in (write(DRIP[at : at + 1]), cut())),
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence='graniet/llm#90 "handle split event boundaries"',
)
async def unicode_byte_drip(exchange: Exchange) -> None:
    """The daemon relays a stream that arrives byte by byte."""
    await exchange.step_through(1)
    response = await exchange.response()
    response.relayed().utf8_valid()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@scenario(
    script=finished(
        *(step for at in range(len(HEAD)) for step in (raw(HEAD[at : at + 1]), cut())),
        *(step for at in range(len(DRIP)) for step in (write(DRIP[at : at + 1]), cut())),
        head="",
        framing="close",
    ),
    clause=("U2", "R2"),
    everywhere=True,
    needs=("upstream=h1",),
    evidence='graniet/llm#90 "handle split event boundaries"',
)
def unicode_byte_drip_head(response: Checks) -> None:
    """The daemon relays a response whose head and body arrive byte by byte."""
    response.relayed().utf8_valid()


@scenario(
    clause=("R3", "R6"),
    everywhere=True,
    evidence='ggml-org/llama.cpp#9195 "regular crashes, invalid UTF-8"',
)
async def unicode_invalid_bytes(bench: RelayBench) -> None:
    """The daemon replaces bytes that are not UTF-8, or fails the stream."""
    for broken in (b"\xff", b"\xc0\xaf", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf0\x9f\x98"):
        answer = finished(delta("before"), write(_invalid(broken)), delta("after"))
        response = await bench.respond(script=answer)
        if response.complete:
            response.done_marker().chunk_count(3).content_contains("before<", ">after")
        else:
            response.failed_stream().content_contains("before")
        response.utf8_valid()
    await bench.healthy()


@scenario(
    clause=("R6", "R3"),
    everywhere=True,
    evidence='harlan-zw/mdream#156 "carry split bytes; report unfinished"',
)
async def unicode_cut_at_eof(bench: RelayBench) -> None:
    """The daemon fails an answer that ends inside a character, by any kind of end."""
    events = [data(chunk(content=text)) for text in ("zwei ", "Wörter", " 😀")]
    events[2] = events[2][: _at(" 😀", 3)]
    for ending in ("clean", "abort", "reset"):
        response = await bench.respond(script=script(*gated(*events), ending=ending), gates=2)
        if ending != "clean":
            response.api_broke()
        # A half character in front of the error would be half an event there.
        response.content("zwei Wörter").no_finish_reason().failed_stream().utf8_valid(clause="R6")


@scenario(
    script=finished(
        write(data(chunk(content="#")).replace(b"#", rb"\ud83d\ude00 \uD83D\uDE80")),
        delta(" halves: "),
        write(data(chunk(content="#")).replace(b"#", rb"\ud83d")),
        write(data(chunk(content="#")).replace(b"#", rb"\ude00")),
        delta(" and on"),
    ),
    clause=("R3", "R4"),
    everywhere=True,
    evidence='elizaOS/eliza#30904 "emits lone surrogates", '
    'NousResearch/hermes-agent#84281 "lone surrogate kills SSE stream"',
)
def unicode_surrogate_escapes(response: Checks) -> None:
    """The daemon joins a surrogate pair, and half a pair does not harm later text."""
    response.relayed().utf8_valid().content_contains("😀 🚀 halves: ", " and on")


@scenario(
    script=finished(
        # RFC 8259 7 forbids raw control characters in strings: those stand in comments, where
        # a daemon that splits lines at them finds text like an event.
        write(": \x0b\n: \x0c\n: \x1c\n: \x1d\n: \x1e\n: \x85\n\n"),
        *(
            write(f": no line ends here:{char}data: [DONE]{char}{char}\n")
            for char in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
        ),
        *(
            write(data(chunk(content=f"{char}a{char}{char}data: b{char}")))
            for char in "\x85\u2028\u2029"
        ),
        delta("\x0b \x0c \x1c \x1d \x1e"),
    ),
    clause=("U2", "R3"),
    everywhere=True,
    evidence='florimondmanca/httpx-sse#34 "incorrect newline parsing", '
    'Soju06/codex-lb#1010 "splitlines corrupts payloads"',
)
def unicode_line_separators(response: Checks) -> None:
    """The daemon ends lines at CR and LF only; U+2028, U+2029, U+0085, VT and FF are text."""
    response.relayed().chunk_count(4)


@scenario(
    script=finished(
        write(BOM + data(chunk(content="first"))),
        write(BOM + data(chunk(content=" never"))),
        delta(" \ufeffsecond\ufeff"),
    ),
    clause=("U2", "R3"),
    everywhere=True,
    evidence='HTML 9.2.5; agentic-os-org/ANOLISA#2209 "BOM drops first event"',
)
def unicode_bom(response: Checks) -> None:
    """The daemon drops a byte order mark at the stream's start, and keeps any other."""
    response.relayed().chunk_count(2).content("first \ufeffsecond\ufeff")


@scenario(
    script=finished(
        write(data(chunk(content="#")).replace(b"#", rb"\"\\\/\b\f\n\r\t\u0000\u001F\u007f\u00e9")),
        delta(r"\n \t \\ \u0041 \" %0A &amp; \x41"),
        delta("<b>&'\"</b> --> ]]>"),
        delta("\r\ndata: [DONE]\r\n\r\n"),
    ),
    clause=("R3", "S1"),
    everywhere=True,
)
def unicode_escapes(response: Checks) -> None:
    """The client receives the same text for every JSON escape, and for text like an escape."""
    response.relayed()


@scenario(
    script=finished(
        delta("é e\u0301 Å \u212b ﬁ ½ ² ｆｕｌｌ ǆ"),
        delta("\u200b\u200d\u200e\u202e\u2060\ufe0f\xad\xa0\u3000"),
        delta("\ue000\ufdd0\uffff\U0001fffe\U0010ffff"),
        delta("𠜎𐍈\U000e0041👩\u200d💻"),
    ),
    clause="R3",
    everywhere=True,
)
def unicode_unnormalised(response: Checks) -> None:
    """The daemon does not normalise ligatures, marks, invisible and private characters."""
    response.relayed().utf8_valid()
