"""Sessions: they end when nothing was said for their time to live, and last over a restart."""

import asyncio
import time

from conformance.core.scenario import Start, scenario
from conformance.profiles.agent_chat.client import AgentBench, AgentChat, new_order, new_thread

EDGES = "smart-support tests/e2e/test_chat_flows.py, edge cases"

TTL = 1.0
"""Seconds: several turns of a slow machine's, and not long to wait for."""

STEP = 0.4
"""Seconds between messages that keep a session alive: three of them outlast it."""

AT_ONCE = Start(options={"session_ttl": "0"})
SOON = Start(options={"session_ttl": f"{TTL:g}"})


@scenario(clause="AC17", alone=True, start=AT_ONCE, evidence=EDGES)
async def session_of_no_time(chat: AgentChat) -> None:
    """With a time to live of 0, a thread's first message completes, its second has expired."""
    thread = new_thread()
    chat.ask(thread)
    await chat.completes(thread)
    chat.ask(thread, "hello again")
    await chat.refuses("expired", clause="AC17")


@scenario(clause=("AC17", "AC37"), alone=True, start=SOON)
async def session_expires(chat: AgentChat) -> None:
    """A thread that was silent too long is told so, and stays expired; a new one completes."""
    silent, refused = new_thread(), new_thread()
    for thread in (silent, refused):
        chat.ask(thread)
        await chat.completes(thread)
    since = time.monotonic()
    # Nothing but time passing ends a session, so there is nothing else to wait for.
    await asyncio.sleep(STEP)
    chat.message(refused, "")
    await chat.refuses(clause="AC16")
    await asyncio.sleep(since + TTL * 1.1 - time.monotonic())
    chat.ask(silent)
    await chat.refuses("expired", clause="AC17")
    if time.monotonic() < since + TTL + STEP:
        chat.ask(refused)
        await chat.refuses("expired", clause="AC37")
    chat.ask(silent)
    await chat.refuses("expired", clause="AC37")
    await chat.works("AC37")


@scenario(clause="AC37", alone=True, start=SOON)
async def session_slides(bench: AgentBench) -> None:
    """A thread that says something from time to time does not expire."""
    async with bench.connect() as chat:
        while not await _slid(chat):
            pass


async def _slid(chat: AgentChat) -> bool:
    """Send four messages; whether none came too late by the suite's own fault."""
    thread = new_thread()
    before = time.monotonic()
    for _ in range(4):
        sent = time.monotonic()
        chat.ask(thread)
        turn = await chat.turn()
        if time.monotonic() - before >= TTL:
            return False
        chat.kind(turn.terminal, "message_complete", clause="AC37")
        before = sent
        await asyncio.sleep(sent + STEP - time.monotonic())
    return True


@scenario(clause="AC21", needs=("mock", "resume_after_restart"), alone=True, deadline=20.0)
async def thread_over_restart(bench: AgentBench) -> None:
    """A restart loses neither what was said in a thread nor its pending approval."""
    talked, asked, order = new_thread(), new_thread(), new_order()
    words = "Cancelled, though it took a while."
    timeout = bench.environment.manifest.run.timeout * bench.environment.scale
    async with bench.connect() as chat:
        chat.ask(talked, "My name is Ash.")
        await chat.completes(talked)
        pattern = await bench.calling("cancel_order", order, words)
        chat.ask(asked, f"Cancel order {order}", pattern)
        await chat.interrupted(asked)
    await bench.daemon.stop()
    async with bench.another(state=bench.daemon.state) as daemon:
        await daemon.ready(timeout)
        async with bench.connect(daemon.url) as chat:
            chat.decide(asked, True)
            turn = await chat.completes(asked, clause="AC21", unless="AC21")
            chat.says(turn, words)
            token = chat.ask(talked, "Who am I?")
            await chat.completes(talked, clause="AC21")
            entries = await bench.asked(token)
            chat.expect(
                b"My name is Ash." in entries[-1].body,
                check="history",
                clause="AC21",
                expected="the model is told what was said before the restart",
                actual=entries[-1].body.decode(),
            )
