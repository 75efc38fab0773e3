"""A model that fails, and a client that leaves."""

import re
from collections.abc import Awaitable, Callable

from conformance.core.scenario import Start, scenario
from conformance.profiles.agent_chat.client import AgentBench, AgentChat, new_thread

HANGS = 'sandialabs/atlas-ui-3#341 "errors hang chat"'
LEFT = 'open-webui/open-webui#456 "close connection on stop"'

INNARDS = re.compile(r"Traceback|\.py\b|Error code|Exception|httpx|openai|sk-[a-z]", re.IGNORECASE)
"""What no customer should read."""


async def _fails(chat: AgentChat, pattern: str, *, after: int) -> None:
    """Check that a turn fails after so many tokens, and that the thread then goes on."""
    thread = new_thread()
    chat.ask(thread, pattern=pattern)
    turn = await chat.ends("error", clause="AC24", unless="AC24")
    said = turn.terminal.get("message")
    chat.expect(
        isinstance(said, str) and bool(said) and not INNARDS.search(said),
        check="generic",
        clause="AC24",
        expected="an error with a generic text",
        actual=turn.terminal,
    )
    chat.expect(
        len(turn.tokens) == after,
        check="tokens",
        clause="AC3",
        expected=f"{after} tokens before the error",
        actual=str(turn),
    )
    await chat.works("AC24", thread)


@scenario(clause="AC24", needs=("mock", "model_failure_error"), evidence=HANGS)
async def model_refuses(chat: AgentChat) -> None:
    """A model's API that answers 503 is one generic error; the thread goes on."""
    await _fails(chat, "status:503", after=0)


@scenario(clause="AC24", needs=("mock", "model_failure_error"))
async def model_answers_a_page(chat: AgentChat) -> None:
    """So is one that answers with a page of HTML."""
    await _fails(chat, "html:502", after=0)


@scenario(clause="AC24", needs=("mock", "model_failure_error"), evidence=HANGS)
async def model_is_lost(chat: AgentChat) -> None:
    """So is a connection that is lost after three deltas, which arrive."""
    await _fails(chat, "fin:3", after=3)


@scenario(clause="AC24", needs=("mock", "model_failure_error"))
async def model_breaks_off(chat: AgentChat) -> None:
    """So is an answer that ends after three deltas without a finish_reason."""
    await _fails(chat, "abort:3", after=3)


@scenario(clause="AC24", needs=("mock", "model_failure_error"))
async def model_reports_an_error(chat: AgentChat) -> None:
    """So is an error that the API reports after three deltas."""
    await _fails(chat, "error:3", after=3)


@scenario(
    clause="AC24",
    needs=("mock", "model_failure_error"),
    alone=True,
    start=Start(options={"model_timeout": "0.5"}),
    evidence=HANGS,
)
async def model_falls_silent(chat: AgentChat) -> None:
    """So is a model that says no more after three deltas, and does not end."""
    await _fails(chat, "stall:3", after=3)


async def _leaves(bench: AgentBench, leave: Callable[[AgentChat], Awaitable[object]]) -> None:
    async with bench.connect() as chat:
        token = chat.ask(new_thread(), pattern="stall:2")
        for _ in range(2):
            await chat.said(clause="AC3", expected="a token, while the model thinks")
        await leave(chat)
        await bench.let_go(token)
    async with bench.connect() as other:
        await other.works("AC44")


async def _fin(chat: AgentChat) -> None:
    chat.release()


async def _rst(chat: AgentChat) -> None:
    chat.reset()


@scenario(clause="AC30", needs=("mock",), evidence=LEFT)
async def client_closes(bench: AgentBench) -> None:
    """A client that closes during a turn ends the request to the model."""
    await _leaves(bench, AgentChat.close)


@scenario(clause="AC30", needs=("mock",), evidence=LEFT)
async def client_vanishes(bench: AgentBench) -> None:
    """So does one that leaves without a close frame."""
    await _leaves(bench, _fin)


@scenario(clause="AC30", needs=("mock",), evidence=LEFT)
async def client_resets(bench: AgentBench) -> None:
    """So does one whose connection is reset."""
    await _leaves(bench, _rst)


@scenario(clause="AC30", needs=("mock", "correlation=thread_id"))
async def client_leaves_two_turns(bench: AgentBench) -> None:
    """So does one with two threads' turns under way: both requests end."""
    async with bench.connect() as chat:
        tokens = [chat.ask(new_thread(), pattern="stall:1") for _ in range(2)]
        for clause in ("AC3", "AC12"):
            await chat.said(clause=clause, expected="a token of each thread")
        chat.release()
        for token in tokens:
            await bench.let_go(token)
