"""Messages that the backend refuses: one error each, nothing lost, and the socket stays."""

from collections.abc import Callable

from conformance.core.scenario import scenario
from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.agent_chat.chat import FENCE, AgentChat, new_thread

EDGES = "smart-support tests/e2e/test_chat_flows.py, edge cases"

LONGEST = 10_000
"""Characters of the longest accepted content."""


@scenario(clause="AC14", evidence=EDGES)
async def invalid_json(chat: AgentChat) -> None:
    """The backend answers text that is not JSON with an error that says so."""
    chat.text("not valid json")
    await chat.refuses("Invalid JSON")


@scenario(clause="AC34")
async def json_that_is_no_object(bench: AgentBench) -> None:
    """The backend answers JSON that is not an object with an error."""
    for value in ([{"type": "message"}], "message", 7, None, True):
        async with bench.connect() as chat:
            chat.send(value)
            await chat.refuses()


@scenario(clause="AC15", evidence=EDGES)
async def thread_id_missing(chat: AgentChat) -> None:
    """The backend answers a message without thread_id with an error that names it."""
    chat.send({"type": "message", "content": "hello"})
    await chat.refuses("thread_id")


@scenario(clause="AC35")
async def thread_id_malformed(bench: AgentBench) -> None:
    """The backend refuses a thread_id that is empty, too long, odd, or not text."""
    for thread in ("no!", "a b", "../../etc", "é", "x\n", "", "x" * 129, 7, None, ["a"]):
        async with bench.connect() as chat:
            chat.send({"type": "message", "thread_id": thread, "content": "hello"})
            await chat.refuses("thread_id")


@scenario(clause=("AC35", "AC6"))
async def thread_id_longest(chat: AgentChat) -> None:
    """The backend takes a thread_id of 128 letters, digits, underscores and hyphens."""
    thread = f"{new_thread()}-_AZ09".ljust(128, "z")
    chat.ask(thread)
    await chat.completes(thread, clause="AC35", missing="AC7")


@scenario(clause="AC16", evidence=EDGES)
async def content_empty(chat: AgentChat) -> None:
    """The backend answers empty content with an error."""
    chat.message(chat.thread, "")
    await chat.refuses()


@scenario(clause="AC36")
async def content_blank(bench: AgentBench) -> None:
    """The backend refuses content of white space only, and content that is not text."""
    for content in ("   ", "\n\t ", None, 7, ["hello"]):
        async with bench.connect() as chat:
            chat.message(chat.thread, content)
            await chat.refuses()


@scenario(clause="AC36")
async def content_longest(bench: AgentBench) -> None:
    """The backend takes content of 10,000 characters, and refuses content of 10,001."""
    content = bench.model.directive().rjust(LONGEST, "x")
    async with bench.connect() as chat:
        chat.message(chat.thread, content)
        await chat.completes(chat.thread, clause="AC36", missing="AC7")
        chat.message(chat.thread, f"x{content}")
        await chat.refuses("content", "too long")


@scenario(clause="AC13", evidence=EDGES)
async def frame_too_large(chat: AgentChat) -> None:
    """The backend reports a frame of 40,000 characters as too large, before parsing it."""
    chat.text("x" * 40_000)
    await chat.refuses("too large")


@scenario(clause="AC13")
async def frame_size_is_exact(bench: AgentBench) -> None:
    """The backend parses a frame of 32,768 characters, and refuses one more as too large."""
    for size, words in ((32_768, "Invalid JSON"), (32_769, "too large")):
        async with bench.connect() as chat:
            chat.text("x" * size)
            await chat.refuses(words)


@scenario(clause="AC38", needs=("refuses_unknown_type",))
async def type_unknown(chat: AgentChat) -> None:
    """The backend answers a frame of an unknown or a missing type with an error."""
    for kind in ({"type": "shout"}, {"type": None}, {"type": ["message"]}, {}):
        chat.send({"thread_id": new_thread(), "content": "hello", **kind})
        await chat.refuses()


_BAD: dict[str, Callable[[AgentChat], None]] = {
    "text instead of JSON": lambda chat: chat.text(FENCE),
    "a missing thread_id": lambda chat: chat.send({"type": "message", "content": "hello"}),
    "empty content": lambda chat: chat.message(new_thread(), ""),
    "a large frame": lambda chat: chat.text("x" * 40_000),
}
"""Frames that every backend answers with an error."""


@scenario(clause="AC25", needs=("errors_keep_socket",))
async def socket_survives_errors(chat: AgentChat) -> None:
    """The backend answers a message on the same socket after each kind of error."""
    for send in _BAD.values():
        send(chat)
        await chat.turn()
        await chat.works()


@scenario(clause="AC36", needs=("mock",))
async def refused_reach_no_model(chat: AgentChat) -> None:
    """The backend does not ask the model for a message that it refused."""
    token = await chat.prompt("x" * LONGEST)
    await chat.turn(clause="AC36")
    await chat.model.unasked(token)


_ODD: dict[str, Callable[[AgentChat], None]] = {
    "a binary frame": lambda chat: chat.binary(b"\x00\xff\xfe"),
    "JSON in a binary frame": lambda chat: chat.binary(b'{"type": "message"}'),
    "an empty frame": lambda chat: chat.text(""),
    "a lone surrogate": lambda chat: chat.text('{"type": "message", "content": "\\ud800"}'),
    "surrogates as content": lambda chat: chat.message(new_thread(), "\ud800"),
    "deep nesting": lambda chat: chat.text("[" * 20_000),
    "a large number": lambda chat: chat.text('{"type": 1' + "0" * 9_000 + "}"),
    "NaN as a type": lambda chat: chat.text('{"type": NaN}'),
    "a field twice": lambda chat: chat.text('{"type": "message", "type": 3}'),
    "types all wrong": lambda chat: chat.send({"type": {}, "thread_id": [], "content": {}}),
    "a script as a name": lambda chat: chat.message("<script>", "<script>alert(1)</script>"),
    "unknown fields": lambda chat: chat.send({"__proto__": {}, "type": "ping"}),
}
"""Frames that a backend may refuse in any way, but must survive."""


@scenario(clause="AC44", evidence="CWE-20")
async def nothing_kills(bench: AgentBench) -> None:
    """The backend survives odd frames of a client, and answers another client."""
    async with bench.connect() as other:
        for send in _ODD.values():
            async with bench.connect() as chat:
                send(chat)
                await chat.pong(b"read")
        await other.works()
