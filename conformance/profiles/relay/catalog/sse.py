"""The event stream's syntax: everything that the WHATWG rules allow, also the rare parts."""

import json
import random
from typing import Any

from conformance.checks import Checks
from conformance.core.scenario import scenario
from conformance.core.script import (
    Script,
    chunk,
    data,
    delta,
    finished,
    gated,
    repeat,
    script,
    write,
)
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.exchange import Exchange

TEXTS = ("one", " two", " three", " four")


def _whole(response: Checks) -> None:
    response.relayed().content("".join(TEXTS))


@scenario(
    script=script(
        *(write(data(chunk(content=text)).replace(b"data: ", b"data:")) for text in TEXTS),
        write(data(chunk(reason="stop")).replace(b"data: ", b"data:")),
        write("data:[DONE]\n\n"),
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence='openai/openai-python#498 "expects space after colon", aaif-goose/goose#7929',
)
def sse_no_space(response: Checks) -> None:
    """The daemon reads fields without a space after the colon."""
    _whole(response)


@scenario(
    script=script(
        *(write(data(chunk(content=text), end="\r\n\r\n")) for text in TEXTS),
        write(data(chunk(reason="stop"), end="\r\n\r\n")),
        write("data: [DONE]\r\n\r\n"),
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence='HTML 9.2.5; hey-api/hey-api#3054 "CRLF not handled", mpetazzoni/sse.js#17',
)
def sse_line_endings_crlf(response: Checks) -> None:
    """The daemon reads lines that end in CRLF."""
    _whole(response)


@scenario(
    script=script(
        *gated(
            *(data(chunk(content=text), end="\r\r") for text in TEXTS),
            data(chunk(reason="stop"), end="\r\r") + b"data: [DONE]\r\r",
        )
    ),
    clause=("U2", "R7"),
    everywhere=True,
    evidence='HTML 9.2.5; hey-api/hey-api#3054 "CRLF not handled", mpetazzoni/sse.js#17',
)
async def sse_line_endings_cr(exchange: Exchange) -> None:
    """The daemon ends a line at a CR alone, without waiting for the next byte."""
    await exchange.step_through(len(TEXTS))
    _whole(await exchange.response())


@scenario(
    script=script(
        *(
            write(data(chunk(content=text), end=end))
            for text, end in zip(TEXTS, ("\n\r\n", "\r\n\n", "\r\n\r", "\n\r"), strict=True)
        ),
        # Two blank lines behind the CR that ends the data; the LF belongs to the second.
        write(data(chunk(reason="stop"), end="\r\r\r\n")),
        write("data: [DONE]\r\r\n"),
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence='HTML 9.2.5; hey-api/hey-api#3054 "CRLF not handled", mpetazzoni/sse.js#17',
)
def sse_line_endings_mixed(response: Checks) -> None:
    """The daemon reads a stream whose lines end in different ways."""
    _whole(response)


@scenario(
    script=finished(
        write(": PROCESSING\n\n:\n\n"),
        delta("one"),
        write(":\n:: data: two colons\n: data: [DONE]\n\n"),
        write(b": before\n" + data(chunk(content=" two"), end="\n: behind\n\n")),
        write(data(chunk(content=" three")).replace(b",", b",\n: between\ndata:", 1)),
        write(":\n" * 50),
        delta(" four"),
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence='brainlid/langchain#569 "comment poisons buffer", '
    'mnfst/llm-gateway#2053 "comments re-emitted as data"',
)
def sse_comments(response: Checks) -> None:
    """The daemon ignores comments before, between and inside events."""
    _whole(response)


@scenario(
    script=finished(delta("one"), repeat(256, write(b": " + b"x" * 8189 + b"\n\n")), delta(" two")),
    clause=("U2", "U6"),
    everywhere=True,
    evidence="RFC 9113 6.9; the window of what a daemon discards must be opened again",
)
def sse_comments_large(response: Checks) -> None:
    """The daemon relays an event that follows 2 MiB of comments."""
    response.content("one two").done_marker()


@scenario(
    script=finished(
        write(data(chunk(content="one"), end="\n\n").replace(b",", b",\ndata: ", 2)),
        write(
            data(chunk(content=" two"), end="\n\n").replace(b",", b",\r\ndata:\r\ndata\r\ndata:", 1)
        ),
        delta(" three four"),
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence='HTML 9.2.6; stalwartlabs/jmap-client#19 "concatenated without newline"',
)
def sse_multiline_data(response: Checks) -> None:
    """The daemon joins one JSON object from several data lines."""
    _whole(response)


@scenario(
    script=finished(
        delta("one"),
        write(data(chunk(content=" joined")).replace(b"null", b"nu\ndata: ll")),
    ),
    clause="U2",
    everywhere=True,
    evidence='HTML 9.2.6; stalwartlabs/jmap-client#19 "concatenated without newline"',
)
async def sse_multiline_data_lf(bench: RelayBench) -> None:
    """The daemon joins data lines with LF, and does not make a chunk of two cut halves."""
    response = await bench.respond(pattern=await bench.pattern())
    response.content_contains("one").ended()
    bench.check(
        "joined" not in response.text,
        "joined_with_lf",
        expected="no chunk from `nu` and `ll` on two lines",
        actual=f"the text {response.text!r}",
    )


@scenario(
    script=finished(
        write("id: 1\n\nretry: 10000\n\nevent: ping\n\n\n\n\n\n"),
        delta("one"),
        write("event: ping\nid\n\n"),
        delta(" two"),
        write("event: message\n\nretry: soon\n\n:\n\n\n"),
        delta(" three four"),
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence='openai/openai-go#621 "skip blocks without data", openai/openai-python#3833',
)
def sse_dataless_blocks(response: Checks) -> None:
    """The daemon ignores blocks without data, and their event names."""
    _whole(response)


@scenario(
    script=finished(
        write('event: ping\ndata: {"type":"ping"}\n\nevent: ping\ndata: still here\n\n'),
        write(b"event: message\n" + data(chunk(content="one"))),
        write("event: ping\ndata: [DONE]\n\nevent: ping\ndata:\n\n"),
        write(b"vendor: x\nDATA: {}\n data: {}\ndatum\n" + data(chunk(content=" two"))),
        write(b"data\n" + data(chunk(content=" three four"))),
        write("data\n\n"),
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence='janhq/jan#8392 "ignore custom event types", modelcontextprotocol/go-sdk#636',
)
def sse_named_and_unknown(response: Checks) -> None:
    """The daemon ignores named events and unknown fields; it reads `data` without a colon."""
    _whole(response)


@scenario(
    clause=("R6", "R2", "L4"),
    everywhere=True,
    evidence='lucasjinreal/Crane#121 "raw text error frames"',
)
async def sse_non_json_data(bench: RelayBench) -> None:
    """The daemon fails the stream on an event that is not JSON, or relays it unchanged."""
    for junk in ("error: boom", "<html>", '{"choices":[{"index":0,"del'):
        answer = finished(delta("one"), write(f"data: {junk}\n\n"), delta(" two"))
        response = await bench.respond(script=answer)
        if not response.complete:
            response.content("one").no_finish_reason().failed_stream()
            continue
        bench.check(
            any(event.data == junk for event in response.response.events),
            "non_json",
            expected=f"an error, or an event with the data {junk!r}",
            actual="neither",
            clause="R2",
        )
        response.content("one two").done_marker()
    await bench.healthy()


# Everything at once

STREAMS = 24
"""Enough for each of the choices below to meet most of the others."""

PARTS = (
    "a",
    "é",
    "😀",
    "\n\n",
    "\r",
    "[DONE]",
    "data: ",
    "\u2028",
    "\x85",
    "\ufeff",
    "\0",
    "\x1b",
    "\\",
)
NOISE = (": a comment", ":", "id: 7", "retry: 3000", "unknown: field", 'event: ping\ndata: {"n":1}')


def _random(chance: random.Random) -> Script:
    """A complete answer in a form that the WHATWG rules and JSON allow."""
    ends = chance.choice((["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]))
    texts = ["".join(chance.choices(PARTS, k=chance.randrange(1, 9))) for _ in range(5)]
    chunks = [*(chunk(content=text) for text in texts), chunk(reason="stop")]
    blocks = [_spelled(each, chance) for each in chunks]
    for _ in range(chance.randrange(4)):
        blocks.insert(chance.randrange(len(blocks)), chance.choice(NOISE))
    blocks += ["data: [DONE]"] * chance.randrange(2)
    body = "\ufeff" * (chance.random() < 0.2)
    for block in blocks:
        end = chance.choice(ends)
        body += "".join(line + end for line in (*block.split("\n"), ""))
    raw, cuts = body.encode(), [0]
    cuts += sorted(chance.sample(range(1, len(raw)), k=chance.randrange(12)))
    pieces = (raw[start:end] for start, end in zip(cuts, [*cuts[1:], len(raw)], strict=True))
    return script(*map(write, pieces))


def _spelled(value: dict[str, Any], chance: random.Random) -> str:
    """The lines of an event with this JSON object."""
    fields = chance.sample(sorted(value), k=len(value))
    text = json.dumps(
        {name: value[name] for name in fields},
        ensure_ascii=chance.random() < 0.5,
        separators=chance.choice(((",", ":"), (", ", " : "))),
        indent=chance.choice((None, None, 1)),
    )
    colon = chance.choice((":", ": "))
    return "\n".join(f"data{colon}{line}" for line in text.split("\n"))


@scenario(
    clause=("U2", "R2", "R3"),
    everywhere=True,
    evidence="random streams find what examples miss; the same ones in each run",
)
async def sse_random(bench: RelayBench) -> None:
    """The daemon relays streams whose lines, JSON, noise and cuts were drawn by chance."""
    chance = random.Random("sse_random")  # noqa: S311, the same on every run
    answers = [_random(chance) for _ in range(STREAMS)]
    for checks in await bench.respond_to_all(answers):
        checks.sse_format().content_as_sent().done_marker()
