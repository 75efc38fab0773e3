"""Messages that are refused: one error each, nothing lost, and the socket stays."""

from collections.abc import Callable

from conformance.core.scenario import scenario
from conformance.profiles.agent_chat.client import FENCE, AgentBench, AgentChat, new_thread

EDGES = "smart-support tests/e2e/test_chat_flows.py, edge cases"

LONGEST = 10_000
"""Characters of content that are taken."""


@scenario(clause="AC14", evidence=EDGES)
async def invalid_json(chat: AgentChat) -> None:
    """Text that is no JSON is an error that says so."""
    chat.text("not valid json")
    await chat.refuses("Invalid JSON", clause="AC14")


@scenario(clause="AC34")
async def json_that_is_no_object(bench: AgentBench) -> None:
    """JSON that is no object is an error."""
    for value in ([{"type": "message"}], "message", 7, None, True):
        async with bench.connect() as chat:
            chat.send(value)
            await chat.refuses(clause="AC34")


@scenario(clause="AC15", evidence=EDGES)
async def thread_id_missing(chat: AgentChat) -> None:
    """A message without thread_id is an error that names it."""
    chat.send({"type": "message", "content": "hello"})
    await chat.refuses("thread_id", clause="AC15")


@scenario(clause="AC35")
async def thread_id_malformed(bench: AgentBench) -> None:
    """A thread_id of other characters, of none, of 129, or that is no text, is an error."""
    for thread in ("no!", "a b", "../../etc", "é", "x\n", "", "x" * 129, 7, None, ["a"]):
        async with bench.connect() as chat:
            chat.send({"type": "message", "thread_id": thread, "content": "hello"})
            await chat.refuses("thread_id", clause="AC35")


@scenario(clause=("AC35", "AC6"))
async def thread_id_longest(chat: AgentChat) -> None:
    """A thread_id of 128 letters, digits, underscores and hyphens is taken."""
    thread = f"{new_thread()}-_AZ09".ljust(128, "z")
    chat.ask(thread)
    await chat.completes(thread, clause="AC35")


@scenario(clause="AC16", evidence=EDGES)
async def content_empty(chat: AgentChat) -> None:
    """Empty content is an error."""
    chat.message(new_thread(), "")
    await chat.refuses(clause="AC16")


@scenario(clause="AC36")
async def content_blank(bench: AgentBench) -> None:
    """Content of nothing but white space is an error; so is none, or none that is text."""
    for content in ("   ", "\n\t ", None, 7, ["hello"]):
        async with bench.connect() as chat:
            chat.message(new_thread(), content)
            await chat.refuses(clause="AC36")


@scenario(clause="AC36")
async def content_longest(bench: AgentBench) -> None:
    """Content of 10,000 characters is taken, and of 10,001 an error."""
    directive = bench.directive()
    content = directive.rjust(LONGEST, "x")
    async with bench.connect() as chat:
        thread = new_thread()
        chat.message(thread, content)
        await chat.completes(thread, clause="AC36")
        chat.message(thread, f"x{content}")
        await chat.refuses("content", "too long", clause="AC36")


@scenario(clause="AC13", evidence=EDGES)
async def frame_too_large(chat: AgentChat) -> None:
    """A frame of 40,000 characters is an error that says so, though it is no JSON either."""
    chat.text("x" * 40_000)
    await chat.refuses("too large", clause="AC13")


@scenario(clause="AC13")
async def frame_size_is_exact(bench: AgentBench) -> None:
    """A frame of 32,768 characters is looked into; one more is too large."""
    for size, words in ((32_768, "Invalid JSON"), (32_769, "too large")):
        async with bench.connect() as chat:
            chat.text("x" * size)
            await chat.refuses(words, clause="AC13")


@scenario(clause="AC38", needs=("refuses_unknown_type",))
async def type_unknown(chat: AgentChat) -> None:
    """A frame of an unknown type, or of none, is an error."""
    for kind in ({"type": "shout"}, {"type": None}, {"type": ["message"]}, {}):
        chat.send({"thread_id": new_thread(), "content": "hello", **kind})
        await chat.refuses(clause="AC38")


_BAD: dict[str, Callable[[AgentChat], None]] = {
    "no JSON": lambda chat: chat.text(FENCE),
    "no thread_id": lambda chat: chat.send({"type": "message", "content": "hello"}),
    "empty content": lambda chat: chat.message(new_thread(), ""),
    "a large frame": lambda chat: chat.text("x" * 40_000),
}
"""What is an error for every backend."""


@scenario(clause="AC25", needs=("errors_keep_socket",))
async def socket_survives_errors(chat: AgentChat) -> None:
    """After each kind of error, a message on the same socket is answered."""
    for send in _BAD.values():
        send(chat)
        await chat.turn()
        await chat.works("AC25")


@scenario(clause="AC36", needs=("mock",))
async def refused_reach_no_model(chat: AgentChat) -> None:
    """The model is asked nothing for a message that was refused."""
    thread = new_thread()
    token = chat.ask(thread, "x" * LONGEST)
    await chat.turn(clause="AC36")
    await chat.bench.unasked(token, clause="AC36")


_ODD: dict[str, Callable[[AgentChat], None]] = {
    "a binary frame": lambda chat: chat.binary(b"\x00\xff\xfe"),
    "JSON in a binary frame": lambda chat: chat.binary(b'{"type": "message"}'),
    "an empty frame": lambda chat: chat.text(""),
    "a lone surrogate": lambda chat: chat.text('{"type": "message", "content": "\\ud800"}'),
    "surrogates as content": lambda chat: chat.message(new_thread(), "\ud800"),
    "deep nesting": lambda chat: chat.text("[" * 20_000),
    "a large number": lambda chat: chat.text('{"type": 1' + "0" * 9_000 + "}"),
    "no number": lambda chat: chat.text('{"type": NaN}'),
    "a field twice": lambda chat: chat.text('{"type": "message", "type": 3}'),
    "types all wrong": lambda chat: chat.send({"type": {}, "thread_id": [], "content": {}}),
    "a script as a name": lambda chat: chat.message("<script>", "<script>alert(1)</script>"),
    "unknown fields": lambda chat: chat.send({"__proto__": {}, "type": "ping"}),
}
"""What may be refused in any way, as long as the backend lives."""


@scenario(clause="AC44", evidence="CWE-20")
async def nothing_kills(bench: AgentBench) -> None:
    """Whatever a client sends, another one is answered, and the backend lives."""
    async with bench.connect() as other:
        for send in _ODD.values():
            async with bench.connect() as chat:
                send(chat)
                await chat.pong(b"read")
        await other.works("AC44")
