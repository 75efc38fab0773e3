"""Turns: a question, tools, an answer token by token, and its end."""

from conformance.core.quoting import excerpt, plural
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate
from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.agent_chat.chat import AgentChat
from conformance.profiles.agent_chat.orders import calling
from conformance.profiles.websocket import pressure
from conformance.profiles.websocket.model import prompts

HAPPY = "smart-support tests/e2e/test_chat_flows.py, flow 1"
OVERTAKEN = 'Eynzof/Hermes-CN-Core#100 "complete overtakes deltas"'

STATUS = "What is the status of order 1042?"

ODD = (
    " ",
    "  two",
    "\n",
    "\t",
    "",
    "[DONE]",
    "\u2028\u0085",
    "<b>&amp;",
    "日本",
    "👩‍💻",
    "é",
    ". ",
)

BURST = tuple(f"{number} " for number in range(300))


@scenario(clause="AC1", evidence=HAPPY)
async def silent_until_asked(chat: AgentChat) -> None:
    """The backend sends nothing on a socket before its client sends something."""
    await chat.silent()


@scenario(clause=("AC7", "AC6"), evidence=HAPPY)
async def message_completes(chat: AgentChat) -> None:
    """The backend answers a message with one message_complete, and then sends nothing."""
    await chat.prompt()
    await chat.answer()
    await chat.silent(clause="AC6")


@scenario(clause=("AC4", "AC3", "AC6"), needs=("mock",), everywhere=True, evidence=HAPPY)
async def status_question(chat: AgentChat) -> None:
    """The backend answers an order question with one tool_call, tokens, and one end."""
    words = "Order 1042 has been shipped and is on its way."
    pattern = await chat.model.playing(calling("get_order_status", "1042", words))
    await chat.prompt(STATUS, pattern)
    turn = await chat.answer()
    calls = [(call.get("tool"), call.get("args")) for call in turn.of("tool_call")]
    chat.check(
        calls == [("get_order_status", {"order_id": "1042"})],
        "tool_call",
        expected='one tool_call, get_order_status {"order_id": "1042"}',
        actual=str(calls),
    )
    chat.check(
        turn.place("tool_call") < turn.place("token") or not calls,
        "order",
        expected="the tool_call before the token that it leads to",
        actual=str(turn),
    )
    chat.says(turn, words)
    await chat.silent(clause="AC6")


@scenario(clause="AC5", needs=("mock",))
async def tool_result_after_its_call(chat: AgentChat) -> None:
    """The backend sends one tool_result for a tool that ran, after its tool_call."""
    pattern = await chat.model.playing(calling("get_order_status", "1042", "Shipped."))
    await chat.prompt(STATUS, pattern)
    turn = await chat.answer()
    results = [result.get("tool") for result in turn.of("tool_result")]
    after = not turn.of("tool_call") or turn.place("tool_result") > turn.place("tool_call")
    chat.check(
        results == ["get_order_status"] and after,
        "tool_result",
        expected="one tool_result of get_order_status, after its tool_call",
        actual=str(turn),
    )


async def _relays(chat: AgentChat, *deltas: str) -> None:
    """Check that the model's deltas are the turn's tokens, without the empty ones."""
    await chat.prompt(pattern=await chat.model.saying(*deltas))
    chat.says(await chat.answer(), *(text for text in deltas if text))


@scenario(clause=("AC3", "AC6"), needs=("mock",), evidence=HAPPY)
async def tokens_in_order(chat: AgentChat) -> None:
    """The backend sends four chunks of the model as four tokens, in order, with agents."""
    await _relays(chat, "Your order ", "1042 ", "was delivered ", "yesterday.")


@scenario(clause="AC3", needs=("mock",))
async def tokens_unaltered(chat: AgentChat) -> None:
    """The backend passes white space, emoji, markup and end markers on unaltered."""
    await _relays(chat, *ODD)


@scenario(clause="AC3", needs=("mock",))
async def tokens_as_they_come(chat: AgentChat) -> None:
    """Each token arrives before the model sends the next one."""
    words = ("one ", "two ", "three")
    steps = [step for n, word in enumerate(words, 1) for step in (delta(word), gate(n))]
    token = await chat.prompt(pattern=await chat.model.playing(finished(*steps)))
    for number, word in enumerate(words, 1):
        pieces = await chat.pieces(1)
        chat.check(pieces == [word], "token", expected=f"the token {word!r}", actual=pieces)
        await chat.model.open_gate(token, number)
    await chat.answer()


@scenario(clause=("AC6", "AC3"), needs=("mock",), evidence=OVERTAKEN)
async def complete_comes_last(chat: AgentChat) -> None:
    """The backend sends one message_complete, and last, after three hundred chunks at once."""
    await chat.prompt(pattern=await chat.model.saying(*BURST))
    turn = await chat.answer()
    if await chat.silent():
        chat.says(turn, *BURST)


@scenario(clause="AC7", needs=("mock",))
async def nothing_said_completes(chat: AgentChat) -> None:
    """The backend completes a turn in which the model sends no text."""
    await chat.prompt(pattern=await chat.model.saying())
    chat.says(await chat.answer(clause="AC7"))


@scenario(clause="AC2", needs=("mock",))
async def content_unaltered(chat: AgentChat) -> None:
    """The model's last user message is the customer's text, including white space."""
    content = '  two  spaces,\ttabs\r\nlines \n "quotes" \\ 👩‍💻 \u2028 <script> \u0000 '
    token = await chat.prompt(content)
    await chat.answer()
    sent = f"{content} {chat.model.directive(token=token)}"
    for entry in await chat.model.asked(token):
        last = prompts(entry)[-1:]
        chat.check(
            last == [sent],
            "content",
            expected=f"the last user message {excerpt(sent)}",
            actual=excerpt(str(last)),
        )


@scenario(clause="AC23", needs=("mock", "clarification"))
async def ambiguity_is_clarified(bench: AgentBench) -> None:
    """The backend asks back on an ambiguous message, and does not ask the model."""
    async with bench.connect() as chat:
        token = await chat.prompt("order 1042")
        turn = await chat.ends("clarification", missing="AC7")
        message = turn.terminal.get("message")
        chat.check(
            len(turn.frames) == 1
            and turn.terminal.get("thread_id") == chat.thread
            and isinstance(message, str)
            and bool(message),
            "clarification",
            expected=f"one clarification for {chat.thread}, with a message",
            actual=str(turn),
        )
        await bench.model.unasked(token)
        await chat.works(thread=chat.thread)


@scenario(clause="AC45", needs=("mock", "multiple_intents"))
async def several_intents(chat: AgentChat) -> None:
    """The backend answers a message with two wishes by two agents, one after the other."""
    pattern = await chat.model.saying("Done. ")
    await chat.prompt("Where is order 1042? Then cancel nothing.", pattern)
    turn = await chat.answer()
    agents = turn.agents
    chat.check(
        turn.pieces != ["Done. "] and (len(agents) < 2 or None in agents or len(set(agents)) > 1),
        "agents",
        expected="the model's text, from two agents",
        actual=f"{plural(len(agents), 'token')}, from {agents}",
    )
    if len(turn.pieces) != 1:
        chat.says(turn, "Done. ", "Done. ")


pressure.outlasts_silence.declare(__name__, "turn_outlasts_silence", "AC46", "AC47")
