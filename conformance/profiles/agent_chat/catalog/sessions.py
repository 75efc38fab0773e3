"""Sessions: they expire after their time to live without a message, and survive a restart."""

import asyncio
import time

from conformance.core.scenario import Start, scenario
from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.agent_chat.chat import AgentChat, new_thread
from conformance.profiles.agent_chat.orders import calling, new_order

EDGES = "smart-support tests/e2e/test_chat_flows.py, edge cases"

TTL = 1.0
"""Seconds: several turns on a slow machine, and a short wait."""

STEP = 0.4
"""Seconds between messages that keep a session alive: three of them outlast it."""

AT_ONCE = Start(options={"session_ttl": "0"})
SOON = Start(options={"session_ttl": f"{TTL:g}"})


@scenario(clause="AC17", alone=True, start=AT_ONCE, evidence=EDGES)
async def session_of_no_time(chat: AgentChat) -> None:
    """With a time to live of 0, a thread's first message completes, and its second expires."""
    await chat.prompt()
    await chat.answer()
    await chat.prompt("hello again")
    await chat.refuses("expired")


@scenario(clause=("AC17", "AC37"), alone=True, start=SOON)
async def session_expires(chat: AgentChat) -> None:
    """The backend expires a silent thread for good, and completes a new one."""
    silent, refused = new_thread(), new_thread()
    for thread in (silent, refused):
        chat.ask(thread)
        await chat.completes(thread)
    since = time.monotonic()
    # Only the passage of time ends a session, so there is nothing else to wait for.
    await asyncio.sleep(STEP)
    chat.message(refused, "")
    await chat.refuses(clause="AC16")
    await asyncio.sleep(since + TTL * 1.1 - time.monotonic())
    chat.ask(silent)
    await chat.refuses("expired")
    if time.monotonic() < since + TTL + STEP:
        chat.ask(refused)
        await chat.refuses("expired", clause="AC37")
    chat.ask(silent)
    await chat.refuses("expired", clause="AC37")
    await chat.works("AC37")


@scenario(clause="AC37", alone=True, start=SOON)
async def session_slides(bench: AgentBench) -> None:
    """The backend does not expire a thread that sends messages in time."""
    async with bench.connect() as chat:
        while not await _slid(chat):
            pass


async def _slid(chat: AgentChat) -> bool:
    """Send four messages; return whether the suite sent all of them in time."""
    thread = new_thread()
    before = time.monotonic()
    for _ in range(4):
        sent = time.monotonic()
        chat.ask(thread)
        turn = await chat.turn()
        if time.monotonic() - before >= TTL:
            return False
        chat.has_kind(turn.terminal, "message_complete")
        before = sent
        await asyncio.sleep(sent + STEP - time.monotonic())
    return True


@scenario(clause="AC21", needs=("mock", "resume_after_restart"), alone=True, deadline=20.0)
async def thread_over_restart(bench: AgentBench) -> None:
    """The backend keeps a thread's history and pending approval over a restart."""
    talked, asked, order = new_thread(), new_thread(), new_order()
    words = "Cancelled, though it took a while."
    timeout = bench.environment.manifest.run.timeout * bench.environment.scale
    async with bench.connect() as chat:
        chat.ask(talked, "My name is Ash.")
        await chat.completes(talked)
        pattern = await bench.script(calling("cancel_order", order, words))
        chat.ask(asked, f"Cancel order {order}", pattern)
        await chat.interrupted(asked)
    await bench.daemon.stop()
    async with bench.another(state=bench.daemon.state) as daemon:
        await daemon.ready(timeout)
        async with bench.connect(daemon.url) as chat:
            chat.decide(asked, True)
            chat.says(await chat.completes(asked, clause="AC21"), words)
            token = chat.ask(talked, "Who am I?")
            await chat.completes(talked, clause="AC21", missing="AC7")
            body = (await bench.model.asked(token))[-1].body
            chat.check(
                b"My name is Ash." in body,
                "history",
                expected="a request to the model with the history from before the restart",
                actual=body.decode(),
            )
