"""The size of events, and the places where the stream is cut on its way."""

import random

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
    unit,
    write,
)
from conformance.daemon import proc
from conformance.profiles.relay.bench import RelayBench
from conformance.profiles.relay.exchange import Exchange

KIB, MIB = 1 << 10, 1 << 20

SHORT = "Hello world! This is a test. Each chunk is small."


@scenario(pattern="short", clause=("R2", "R3"), everywhere=True)
def short_chunks(response: Checks) -> None:
    """The client receives deltas of one or two bytes one by one, in order, without a loss."""
    response.relayed().chunk_count_at_least(len(SHORT) // 2).content(SHORT)


@scenario(pattern="long", clause=("R2", "R3"), everywhere=True)
def long_chunks(response: Checks) -> None:
    """The client receives deltas of four kilobytes whole, one event for each."""
    response.relayed().chunk_count(3)


# Where the stream is cut

WORDS = ("plain", "Grüße", "中文字", "😀🚀", "", "\n", 'quo"ted', "data: x", "é" * 90, "\u2028")


def _scrambled(seed: int) -> Script:
    """Nine events, written in various ways, and cut without regard to lines, chunks, frames.

    Each delta begins with the seed, so that a failure's evidence shows it.
    """
    dice = random.Random(seed)  # noqa: S311, repeatable on purpose
    events = []
    for number in range(9):
        end = dice.choice(("\n", "\r\n", "\r"))
        text = data(chunk(content=f"{seed}.{number} {dice.choice(WORDS)}"), end="").decode()
        if dice.random() < 0.3:
            text = text.replace(',"choices"', f',{end}data: "choices"')
        if dice.random() < 0.3:
            text = dice.choice((": comment", "id: 7", "unknown", ":")) + end + text
        events.append(f"{text}{end}{end}".encode())
    steps = gated(*events, cuts=[dice.randrange(len(event)) for event in events[1:]])
    return finished(unit(*steps)) if seed % 2 else finished(*steps)


@scenario(
    clause=("U2", "R2", "R7"),
    everywhere=True,
    evidence='alexrudall/ruby-openai#332 "better SSE parsing", '
    'vllm-project/aibrix#2653 "spurious malformed JSON on split chunks"',
)
async def chunks_random_boundaries(bench: RelayBench) -> None:
    """The daemon relays the same events wherever reads, HTTP chunks or frames are cut."""
    for seed in range(4):
        response = await bench.respond(script=_scrambled(seed), gates=8)
        response.relayed()


@scenario(
    script=script(
        write(
            b"".join(data(chunk(content=f"{n} ")) for n in range(40))
            + data(chunk(reason="stop"))
            + b"data: [DONE]\n\n"
        )
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence='alexrudall/ruby-openai#332 "better SSE parsing"',
)
def chunks_coalesced(response: Checks) -> None:
    """The client receives 40 events that the API sent in one HTTP chunk."""
    response.relayed().chunk_count(40)


CRLF = (
    data(chunk(content="one"), end="\r\n\r\n"),
    # Cut between CR and LF: after a field other than data, within an event's data, …
    b"id: 7\r\n" + data(chunk(content=" two"), end="\r\n\r\n"),
    data(chunk(content=" three"), end="\r\n\r\n").replace(b",", b",\r\ndata: ", 1),
    # … after its data, and after the blank line that ends it.
    data(chunk(content=" four"), end="\r\n\r\n"),
    data(chunk(content=" five"), end="\r\n\r\n"),
)


@scenario(
    script=finished(
        *gated(
            *CRLF,
            cuts=[
                CRLF[1].index(b"\n"),
                CRLF[2].index(b"\n"),
                CRLF[3].index(b"\n"),
                len(CRLF[4]) - 1,
            ],
        )
    ),
    clause=("U2", "R2"),
    everywhere=True,
    evidence='rexxars/eventsource-parser#17 "CRLF spanning chunks yields two events", '
    "Effect-TS/effect#6954",
)
async def chunks_crlf_cut(exchange: Exchange) -> None:
    """The daemon reads a CR and a LF in two segments as one line end."""
    await exchange.step_through(len(CRLF) - 1)
    response = await exchange.response()
    response.relayed().content("one two three four five")


# Large events


def _of_size(size: int) -> bytes:
    """An event of exactly this size in bytes, its line ends included."""
    empty = data(chunk(content="#"))
    return empty.replace(b"#", b"x" * (size - len(empty) + 1))


@scenario(
    script=finished(
        *gated(data(chunk(content="before")), _of_size(128 * KIB), cuts=[64 * KIB + 1]),
        delta("after"),
    ),
    clause=("R3", "R2"),
    everywhere=True,
    evidence='infiniflow/ragflow#15381 "fails on lines above 64KB", SamSaffron/term-llm#298',
)
async def chunks_huge_line(exchange: Exchange) -> None:
    """The client receives an event of 128 KiB whole, in its place."""
    await exchange.step_through(1)
    response = await exchange.response()
    response.relayed()


@scenario(
    script=finished(delta("before"), write(_of_size(MIB)), delta("after")),
    clause=("R3", "R2"),
    everywhere=True,
    evidence='infiniflow/ragflow#15381 "fails on lines above 64KB", SamSaffron/term-llm#298',
)
def chunks_huge_line_1m(response: Checks) -> None:
    """The client receives an event of 1 MiB whole, in its place."""
    response.relayed()


@scenario(
    script=finished(delta("before"), write(_of_size(3 * MIB)), delta("after")),
    clause=("R3", "R6"),
    everywhere=True,
    evidence='infiniflow/ragflow#15381 "fails on lines above 64KB"',
)
def chunks_huge_line_above(response: Checks) -> None:
    """The daemon relays an event above 1 MiB whole, or fails the stream."""
    if response.complete:
        response.events_in_order().content_as_sent().done_marker()
    else:
        response.content("before").no_finish_reason().failed_stream()


ENDLESS = 16 * MIB
CLIENTS = 4


@scenario(
    clause=("U6", "R6"),
    everywhere=True,
    alone=True,
    evidence='NousResearch/hermes-agent#58471 "boundary-less line buffered unbounded"',
)
async def chunks_endless_line(bench: RelayBench) -> None:
    """The daemon gives up a line without end, with the memory of one stalled client."""
    line = repeat(ENDLESS // (64 * KIB), write("x" * 64 * KIB))
    answer = script(delta("before"), write("data: "), line)
    before = proc.peak_rss(bench.daemon.pid)
    for response in await bench.respond_to_all([answer] * CLIENTS):
        response.content("before").no_finish_reason().failed_stream()
    grown = (proc.peak_rss(bench.daemon.pid) - before) / MIB
    lines = f"MiB more for {CLIENTS} lines of {ENDLESS // MIB} MiB"
    bench.at_most("memory", grown, CLIENTS * 8, lines)


# White space


@scenario(
    script=finished(
        *map(delta, (" ", "  ", "\t", "\n", "\n\n", "\r\n", "\r", " a", "b ", " \n c \t ", "    d"))
    ),
    clause=("R3", "R2"),
    everywhere=True,
    evidence='paiml/aprender#2367 "SSE streaming deleted every space", spacedriveapp/spacebot#413',
)
def chunks_whitespace_tokens(response: Checks) -> None:
    """The client receives deltas of white space alone, and white space around words."""
    response.relayed().chunk_count(11)
