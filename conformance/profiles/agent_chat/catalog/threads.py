"""Threads: each continues its own conversation, next to the others."""

from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate
from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.agent_chat.chat import AgentChat, new_thread
from conformance.profiles.agent_chat.frames import Frame, Turn, listed
from conformance.profiles.agent_chat.orders import calling
from conformance.profiles.websocket.checking import OWN
from conformance.profiles.websocket.model import new_token, prompts

FLOW = "smart-support tests/e2e/test_chat_flows.py, flow 4"
CROSSED = 'Vigil-SOC/vigil#345 "responses leak across sessions"'

ONE = ("first ", "second ", "third")
OTHER = ("other ", "words")

GATED = finished(delta(ONE[0]), gate(1), delta(ONE[1]), gate(2), delta(ONE[2]))
"""A model that sends ONE, each delta after the first behind a gate."""


@scenario(clause=("AC6", "AC11"), evidence=FLOW)
async def turns_of_one_thread(chat: AgentChat) -> None:
    """The backend completes three turns for three messages in a thread."""
    for content in ("The status of order 1042?", "When will it arrive?", "Can you track it?"):
        await chat.prompt(content)
        await chat.completes(chat.thread, clause="AC11", missing="AC7")


@scenario(clause="AC11", needs=("mock",), evidence=FLOW)
async def thread_remembers(chat: AgentChat) -> None:
    """The model receives two messages and their answers with the thread's third message."""
    for content in ("My name is Ash.", "I live in Pallet."):
        await chat.prompt(content, await chat.model.saying(f"Noted: {content}"))
        await chat.completes(chat.thread, clause=OWN, missing="AC7")
    token = await chat.prompt("Who am I?")
    await chat.completes(chat.thread, clause=OWN, missing="AC7")
    body = (await chat.model.asked(token))[-1].body.decode()
    earlier = ("My name is Ash.", "I live in Pallet.", "Noted: My name", "Noted: I live")
    missing = [text for text in earlier if text not in body]
    chat.check(
        not missing,
        "history",
        expected="all earlier messages and answers of the thread",
        actual=f"a request to the model without {missing}",
    )


@scenario(clause=("AC12", "AC6"), evidence=FLOW)
async def threads_in_turn(chat: AgentChat) -> None:
    """The backend keeps two threads on one socket apart, also from each other's model."""
    secret = f"secret{new_token()}"
    one, two = new_thread(), new_thread()
    chat.ask(one, f"Hello from one: {secret}")
    await chat.completes(one)
    token = chat.ask(two, "Hello from two.")
    await chat.completes(two)
    if chat.model.mocked:
        await _untold(chat, token, secret)


async def _rest(chat: AgentChat, token: str, first: Frame) -> Turn:
    """Open the gates of GATED; the whole turn, whose first frame has arrived."""
    for number in (1, 2):
        await chat.model.open_gate(token, number)
    return Turn((first, *(await chat.turn(clause="AC12")).frames))


@scenario(clause="AC12", needs=("mock", "correlation=thread_id"), evidence=CROSSED)
async def threads_at_once(chat: AgentChat) -> None:
    """The backend answers a thread while another on the socket waits, and mixes no frames."""
    one, two = new_thread(), new_thread()
    token = chat.ask(one, pattern=await chat.model.playing(GATED))
    first = await chat.frame_of_turn(clause="AC3", expected="the first token of one thread")
    chat.ask(two, pattern=await chat.model.saying(*OTHER))
    other = await chat.turn(clause="AC12")
    mine = await _rest(chat, token, first)
    chat.unmixed(other, *ONE)
    chat.unmixed(mine, *OTHER)
    for turn, thread in ((other, two), (mine, one)):
        wrong = [frame for frame in turn.of("token") if frame.get("thread_id") != thread]
        chat.check(
            not wrong,
            "apart",
            expected=f"thread_id {thread} on each of {len(turn.pieces)} tokens",
            actual=listed(wrong),
        )
    chat.says(other, *OTHER)
    chat.says(mine, *ONE)


@scenario(clause="AC12", needs=("mock",), evidence=CROSSED)
async def sockets_at_once(bench: AgentBench) -> None:
    """The backend answers a socket while another's model waits; each receives its own frames."""
    async with bench.connect() as one, bench.connect() as two:
        token = await one.prompt(pattern=await bench.script(GATED))
        first = await one.frame_of_turn(clause="AC3", expected="the first token of one socket")
        await two.prompt(pattern=await bench.model.saying(*OTHER))
        other = await two.turn(clause="AC12")
        two.unmixed(other, *ONE)
        two.says(other, *OTHER)
        mine = await _rest(one, token, first)
        one.unmixed(mine, *OTHER)
        one.says(mine, *ONE)
        two.unmixed(Turn(tuple(await two.fence())), *ONE)


@scenario(clause="AC12", needs=("mock",))
async def secrets_stay_in_their_thread(bench: AgentBench) -> None:
    """A customer's text reaches no model request of another socket's thread."""
    secret = f"secret{new_token()}"
    async with bench.connect() as one, bench.connect() as two:
        await one.prompt(f"My card is {secret}.")
        await one.answer()
        token = await two.prompt("What is my card?")
        await two.answer()
        await _untold(two, token, secret)


async def _untold(chat: AgentChat, token: str, secret: str) -> None:
    for entry in await chat.model.asked(token):
        chat.check(
            not any(secret in prompt for prompt in prompts(entry)),
            "untold",
            expected="a request to the model without the other thread's text",
            actual=f"a request with {secret}",
        )


@scenario(clause="AC32", needs=("mock", "serial_threads", "correlation=thread_id"))
async def turns_wait_for_each_other(chat: AgentChat) -> None:
    """The backend plays a thread's second message after the first one's turn."""
    thread, other = new_thread(), new_thread()
    token = chat.ask(thread, pattern=await chat.model.playing(GATED))
    first = await chat.frame_of_turn(clause="AC3", expected="the first token")
    second = chat.ask(thread, pattern=await chat.model.saying("later"))
    # Another thread's complete turn, asked for later, proves that the second had its chance.
    chat.ask(other, pattern=await chat.model.saying("meanwhile"))
    meanwhile = await chat.turn(clause="AC12")
    chat.unmixed(meanwhile, *ONE, "later")
    chat.says(meanwhile, "meanwhile")
    await chat.model.unasked(second)
    for number in (1, 2):
        await chat.model.open_gate(token, number)
    rest = await chat.completes(thread, clause=OWN, missing="AC7")
    chat.unmixed(rest, "later")
    chat.says(Turn((first, *rest.frames)), *ONE)
    later = await chat.completes(thread, clause=OWN, missing="AC7")
    chat.unmixed(later, *ONE)
    chat.says(later, "later")


@scenario(clause="AC26", needs=("mock", "correlation=thread_id"))
async def frames_say_their_thread(chat: AgentChat) -> None:
    """Every frame of a turn has its thread's id, errors included."""
    pattern = await chat.model.playing(calling("get_order_status", "1042", "On its ", "way."))
    await chat.prompt("The status of order 1042?", pattern)
    await _is_labelled(chat, "thread_id", chat.thread)
    await chat.prompt(pattern="status:503")
    await _is_labelled(chat, "thread_id", chat.thread)
    chat.message(chat.thread, "")
    await _is_labelled(chat, "thread_id", chat.thread)


@scenario(clause="AC26", needs=("mock", "correlation=message_id"))
async def frames_say_their_message(chat: AgentChat) -> None:
    """Every frame of a turn has its message's message_id, and no frame has another's."""
    name = f"m-{new_token()}"
    chat.ask(chat.thread, message_id=name)
    await _is_labelled(chat, "message_id", name)
    chat.message(chat.thread, "", message_id=name)
    await _is_labelled(chat, "message_id", name)
    await chat.prompt()
    await _is_labelled(chat, "message_id", None)


async def _is_labelled(chat: AgentChat, field: str, value: str | None) -> None:
    turn = await chat.turn()
    wrong = [frame for frame in turn.frames if frame.get(field) != value]
    chat.check(
        not wrong,
        field,
        expected=f"{field} {value} on each of {len(turn.frames)} frames",
        actual=listed(wrong),
    )
