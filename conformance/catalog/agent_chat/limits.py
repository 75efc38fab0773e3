"""The rate limit: 10 messages in 10 seconds, for each thread."""

import asyncio

from conformance.client.agent_chat import AgentBench, AgentChat, new_thread, told
from conformance.scenario import scenario

ADMITTED = 10


@scenario(clause="AC22", needs=("rate_limit",))
async def rate_of_a_thread(chat: AgentChat) -> None:
    """Of eleven messages at once in one thread, ten complete, and one is an error."""
    thread = new_thread()
    for _ in range(ADMITTED + 1):
        chat.ask(thread)
    turns = [await chat.turn(clause="AC22") for _ in range(ADMITTED + 1)]
    kinds = [each.terminal["type"] for each in turns]
    chat.expect(
        (kinds.count("message_complete"), kinds.count("error")) == (ADMITTED, 1),
        check="admitted",
        clause="AC22",
        expected="10 message_complete, 1 error",
        actual=told([each.terminal for each in turns if each.terminal["type"] == "error"])
        if "error" in kinds
        else str(kinds),
    )
    errors = [each.terminal for each in turns if each.terminal["type"] == "error"]
    chat.expect(
        all("rate limit" in str(each.get("message")).lower() for each in errors),
        check="message",
        clause="AC22",
        expected="an error that says rate limit",
        actual=told(errors),
    )
    await chat.works("AC22")


@scenario(clause="AC22", needs=("rate_limit",))
async def rate_of_other_threads(bench: AgentBench) -> None:
    """Twelve messages at once in twelve threads, on three sockets, all complete."""

    async def four() -> None:
        async with bench.connect() as chat:
            for _ in range(4):
                thread = new_thread()
                chat.ask(thread)
                await chat.completes(thread)

    await asyncio.gather(four(), four(), four())
