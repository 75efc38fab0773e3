"""Threads: each goes on where it stood, beside the others."""

from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate
from conformance.profiles.agent_chat.client import (
    AgentBench,
    AgentChat,
    Turn,
    new_thread,
    told,
    users,
)
from conformance.profiles.websocket.chat import new_token

FLOW = "smart-support tests/e2e/test_chat_flows.py, flow 4"
CROSSED = 'Vigil-SOC/vigil#345 "responses leak across sessions"'

ONE = ("first ", "second ", "third")
OTHER = ("other ", "words")

GATED = finished(delta(ONE[0]), gate(1), delta(ONE[1]), gate(2), delta(ONE[2]))
"""A model that says ONE, with the scenario's leave."""


@scenario(clause=("AC6", "AC11"), evidence=FLOW)
async def turns_of_one_thread(chat: AgentChat) -> None:
    """Three messages in a thread are three turns that complete."""
    thread = new_thread()
    for content in ("The status of order 1042?", "When will it arrive?", "Can you track it?"):
        chat.ask(thread, content)
        await chat.completes(thread, clause="AC11")


@scenario(clause="AC11", needs=("mock",), evidence=FLOW)
async def thread_remembers(chat: AgentChat) -> None:
    """With the third message the model is told the first two, and what was answered."""
    thread = new_thread()
    for content in ("My name is Ash.", "I live in Pallet."):
        chat.ask(thread, content, await chat.bench.saying(f"Noted: {content}"))
        await chat.completes(thread, clause="AC11")
    token = chat.ask(thread, "Who am I?")
    await chat.completes(thread, clause="AC11")
    body = (await chat.bench.asked(token))[-1].body.decode()
    missing = [
        each
        for each in ("My name is Ash.", "I live in Pallet.", "Noted: My name", "Noted: I live")
        if each not in body
    ]
    chat.expect(
        not missing,
        check="history",
        clause="AC11",
        expected="all that was said before in the thread",
        actual=f"the model was not told {missing}",
    )


@scenario(clause=("AC12", "AC6"), evidence=FLOW)
async def threads_in_turn(chat: AgentChat) -> None:
    """Two threads on one socket are two conversations; neither's words reach the other's model."""
    secret = f"secret{new_token()}"
    one, two = new_thread(), new_thread()
    chat.ask(one, f"Hello from one: {secret}")
    await chat.completes(one)
    token = chat.ask(two, "Hello from two.")
    await chat.completes(two)
    if chat.bench.mocked:
        await _untold(chat, token, secret)


@scenario(clause="AC12", needs=("mock", "correlation=thread_id"), evidence=CROSSED)
async def threads_at_once(chat: AgentChat) -> None:
    """A thread answers while another on the same socket waits for its model; no frame is mixed."""
    one, two = new_thread(), new_thread()
    token = chat.ask(one, pattern=await chat.bench.script(GATED))
    first = await chat.said(clause="AC3", expected="the first token of one thread")
    chat.ask(two, pattern=await chat.bench.saying(*OTHER))
    turn = await chat.turn(clause="AC12")
    for number in (1, 2):
        await chat.bench.upstream.open_gate(token, number)
    rest = await chat.turn(clause="AC12")
    mine = Turn((first, *rest.frames))
    chat.unmixed(turn, *ONE, clause="AC12")
    chat.unmixed(mine, *OTHER, clause="AC12")
    for whole, thread in ((turn, two), (mine, one)):
        wrong = [each for each in whole.of("token") if each.get("thread_id") != thread]
        chat.expect(
            not wrong,
            check="apart",
            clause="AC12",
            expected=f"thread_id {thread} on each of {len(whole.tokens)} tokens",
            actual=told(wrong),
        )
    chat.says(turn, *OTHER)
    chat.says(mine, *ONE)


@scenario(clause="AC12", needs=("mock",), evidence=CROSSED)
async def sockets_at_once(bench: AgentBench) -> None:
    """While one socket's model waits, another is answered; each is sent its own, only."""
    async with bench.connect() as one, bench.connect() as two:
        thread, other = new_thread(), new_thread()
        token = one.ask(thread, pattern=await bench.script(GATED))
        first = await one.said(clause="AC3", expected="the first token of one socket")
        two.ask(other, pattern=await bench.saying(*OTHER))
        turn = await two.turn(clause="AC12")
        two.unmixed(turn, *ONE, clause="AC12")
        two.says(turn, *OTHER)
        for number in (1, 2):
            await bench.upstream.open_gate(token, number)
        rest = await one.turn(clause="AC12")
        mine = Turn((first, *rest.frames))
        one.unmixed(mine, *OTHER, clause="AC12")
        one.says(mine, *ONE)
        two.unmixed(Turn(tuple(await two.leftover())), *ONE, clause="AC12")


@scenario(clause="AC12", needs=("mock",))
async def secrets_stay_in_their_thread(bench: AgentBench) -> None:
    """What is said in one socket's thread reaches no model request of another's."""
    secret = f"secret{new_token()}"
    async with bench.connect() as one, bench.connect() as two:
        thread, other = new_thread(), new_thread()
        one.ask(thread, f"My card is {secret}.")
        await one.completes(thread)
        token = two.ask(other, "What is my card?")
        await two.completes(other)
        await _untold(two, token, secret)


async def _untold(chat: AgentChat, token: str, secret: str) -> None:
    for entry in await chat.bench.asked(token):
        chat.expect(
            not any(secret in each for each in users(entry)),
            check="untold",
            clause="AC12",
            expected="the model is told nothing of the other thread",
            actual=f"it was told {secret}",
        )


@scenario(clause="AC32", needs=("mock", "serial_threads", "correlation=thread_id"))
async def turns_wait_for_each_other(chat: AgentChat) -> None:
    """A thread's second message is played when the first one's turn is over."""
    thread, other = new_thread(), new_thread()
    token = chat.ask(thread, pattern=await chat.bench.script(GATED))
    first = await chat.said(clause="AC3", expected="the first token")
    second = chat.ask(thread, pattern=await chat.bench.saying("later"))
    # Another thread's turn, asked for later and complete, shows that the second had its chance.
    chat.ask(other, pattern=await chat.bench.saying("meanwhile"))
    meanwhile = await chat.turn(clause="AC12")
    chat.unmixed(meanwhile, *ONE, "later", clause="AC32")
    chat.says(meanwhile, "meanwhile")
    await chat.bench.unasked(second, clause="AC32")
    for number in (1, 2):
        await chat.bench.upstream.open_gate(token, number)
    rest = await chat.completes(thread, clause="AC32")
    chat.unmixed(rest, "later", clause="AC32")
    chat.says(Turn((first, *rest.frames)), *ONE)
    later = await chat.completes(thread, clause="AC32")
    chat.unmixed(later, *ONE, clause="AC32")
    chat.says(later, "later")


@scenario(clause="AC26", needs=("mock", "correlation=thread_id"))
async def frames_say_their_thread(chat: AgentChat) -> None:
    """Every frame of a turn says which thread it belongs to; so do errors."""
    thread = new_thread()
    pattern = await chat.bench.calling("get_order_status", "1042", "On its ", "way.")
    chat.ask(thread, "The status of order 1042?", pattern)
    turn = await chat.turn()
    _labelled(chat, turn, "thread_id", thread)
    chat.ask(thread, pattern="status:503")
    _labelled(chat, await chat.turn(), "thread_id", thread)
    chat.message(thread, "")
    _labelled(chat, await chat.turn(), "thread_id", thread)


@scenario(clause="AC26", needs=("mock", "correlation=message_id"))
async def frames_say_their_message(chat: AgentChat) -> None:
    """A message_id comes back on every frame of its turn, and on none of another."""
    thread, name = new_thread(), f"m-{new_token()}"
    chat.ask(thread, message_id=name)
    _labelled(chat, await chat.turn(), "message_id", name)
    chat.message(thread, "", message_id=name)
    _labelled(chat, await chat.turn(), "message_id", name)
    chat.ask(thread)
    _labelled(chat, await chat.turn(), "message_id", None)


def _labelled(chat: AgentChat, turn: Turn, field: str, value: str | None) -> None:
    wrong = [each for each in turn.frames if each.get(field) != value]
    chat.expect(
        not wrong,
        check=field,
        clause="AC26",
        expected=f"{field} {value} on each of {len(turn.frames)} frames",
        actual=told(wrong),
    )
