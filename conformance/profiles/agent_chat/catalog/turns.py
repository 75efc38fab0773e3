"""Turns: a question, tools, an answer word by word, and its end."""

from conformance.core.quoting import excerpt, plural
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate
from conformance.profiles.agent_chat.client import AgentBench, AgentChat, new_thread, users

HAPPY = "smart-support tests/e2e/test_chat_flows.py, flow 1"
IDLE = 'Menci/Floway#57 "idle disconnect"'
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
    """Nothing is said on a socket before its client has said something."""
    await chat.fence("AC1")


@scenario(clause=("AC7", "AC6"), evidence=HAPPY)
async def message_completes(chat: AgentChat) -> None:
    """A message leads to one message_complete with its thread's id, and then nothing."""
    thread = new_thread()
    chat.ask(thread)
    await chat.completes(thread)
    await chat.fence("AC6")


@scenario(clause=("AC4", "AC3", "AC6"), needs=("mock",), everywhere=True, evidence=HAPPY)
async def status_question(chat: AgentChat) -> None:
    """A question about an order: one tool_call, the answer, one message_complete."""
    words = "Order 1042 has been shipped and is on its way."
    thread = new_thread()
    chat.ask(thread, STATUS, await chat.bench.calling("get_order_status", "1042", words))
    turn = await chat.completes(thread)
    calls = [(each.get("tool"), each.get("args")) for each in turn.of("tool_call")]
    chat.expect(
        calls == [("get_order_status", {"order_id": "1042"})],
        check="tool_call",
        clause="AC4",
        expected='one tool_call, get_order_status {"order_id": "1042"}',
        actual=str(calls),
    )
    chat.expect(
        turn.place("tool_call") < turn.place("token") or not calls,
        check="order",
        clause="AC4",
        expected="the tool_call before the token that it leads to",
        actual=str(turn),
    )
    chat.says(turn, words)
    await chat.fence("AC6")


@scenario(clause="AC5", needs=("mock",))
async def tool_result_after_its_call(chat: AgentChat) -> None:
    """A tool that ran is told by one tool_result, which comes after its tool_call."""
    thread = new_thread()
    chat.ask(thread, STATUS, await chat.bench.calling("get_order_status", "1042", "Shipped."))
    turn = await chat.completes(thread)
    results = [each.get("tool") for each in turn.of("tool_result")]
    after = not turn.of("tool_call") or turn.place("tool_result") > turn.place("tool_call")
    chat.expect(
        results == ["get_order_status"] and after,
        check="tool_result",
        clause="AC5",
        expected="one tool_result of get_order_status, after its tool_call",
        actual=str(turn),
    )


@scenario(clause=("AC3", "AC6"), needs=("mock",), evidence=HAPPY)
async def tokens_in_order(chat: AgentChat) -> None:
    """Four chunks of the model's are four tokens, in order, each with its agent."""
    deltas = ("Your order ", "1042 ", "was delivered ", "yesterday.")
    thread = new_thread()
    chat.ask(thread, "Where is my order?", await chat.bench.saying(*deltas))
    chat.says(await chat.completes(thread), *deltas)


@scenario(clause="AC3", needs=("mock",))
async def tokens_unaltered(chat: AgentChat) -> None:
    """White space, emoji, markup and what looks like an end arrive as they left."""
    thread = new_thread()
    chat.ask(thread, pattern=await chat.bench.saying(*ODD))
    chat.says(await chat.completes(thread), *(each for each in ODD if each))


@scenario(clause="AC3", needs=("mock",))
async def tokens_as_they_come(chat: AgentChat) -> None:
    """Each token arrives before the model has said the next."""
    steps = (delta("one "), gate(1), delta("two "), gate(2), delta("three"), gate(3))
    thread = new_thread()
    token = chat.ask(thread, pattern=await chat.bench.script(finished(*steps)))
    for number, word in enumerate(("one ", "two ", "three"), start=1):
        frame = await chat.said(clause="AC3", expected=f"the token {word!r}, while the model waits")
        chat.expect(
            frame.get("content") == word,
            check="token",
            clause="AC3",
            expected=f"the token {word!r}",
            actual=frame,
        )
        await chat.bench.upstream.open_gate(token, number)
    await chat.completes(thread)


@scenario(clause=("AC6", "AC3"), needs=("mock",), evidence=OVERTAKEN)
async def complete_comes_last(chat: AgentChat) -> None:
    """After three hundred chunks at once, message_complete comes once, and last."""
    thread = new_thread()
    chat.ask(thread, pattern=await chat.bench.saying(*BURST))
    turn = await chat.completes(thread)
    if not await chat.fence("AC6"):
        chat.says(turn, *BURST)


@scenario(clause="AC7", needs=("mock",))
async def nothing_said_completes(chat: AgentChat) -> None:
    """A turn in which the model says nothing is completed all the same."""
    thread = new_thread()
    chat.ask(thread, pattern=await chat.bench.script(finished()))
    turn = await chat.completes(thread, clause="AC7")
    chat.says(turn)


@scenario(clause="AC2", needs=("mock",))
async def content_unaltered(chat: AgentChat) -> None:
    """The model is told what the customer wrote, to the last white space, as the last of it."""
    thread = new_thread()
    content = '  two  spaces,\ttabs\r\nlines \n "quotes" \\ 👩‍💻 \u2028 <script> \u0000 '
    token = chat.ask(thread, content)
    await chat.completes(thread)
    sent = f"{content} {chat.bench.directive(token=token)}"
    for entry in await chat.bench.asked(token):
        chat.expect(
            users(entry)[-1:] == [sent],
            check="content",
            clause="AC2",
            expected=f"the last user message {excerpt(sent)}",
            actual=excerpt(str(users(entry)[-1:])),
        )


@scenario(clause="AC23", needs=("mock", "clarification"))
async def ambiguity_is_clarified(bench: AgentBench) -> None:
    """A message that could mean anything is asked back, and the model is not."""
    async with bench.connect() as chat:
        thread = new_thread()
        token = chat.ask(thread, "order 1042")
        turn = await chat.ends("clarification", clause="AC23", unless="AC7")
        found = turn.terminal
        chat.expect(
            len(turn.frames) == 1
            and found.get("thread_id") == thread
            and isinstance(found.get("message"), str)
            and bool(found["message"]),
            check="clarification",
            clause="AC23",
            expected=f"one clarification for {thread}, with a message",
            actual=str(turn),
        )
        await bench.unasked(token, clause="AC23")
        await chat.works("AC23", thread)


@scenario(clause="AC45", needs=("mock", "multiple_intents"))
async def several_intents(chat: AgentChat) -> None:
    """A message with two wishes gets two agents' answers, one after the other."""
    thread = new_thread()
    chat.ask(
        thread,
        "Where is order 1042? Then cancel nothing.",
        await chat.bench.saying("Done. "),
    )
    turn = await chat.completes(thread)
    agents = [each.get("agent") for each in turn.of("token")]
    chat.expect(
        turn.tokens != ["Done. "] and (len(agents) < 2 or None in agents or len(set(agents)) > 1),
        check="agents",
        clause="AC45",
        expected="what the model says, from two agents",
        actual=f"{plural(len(agents), 'token')}, from {agents}",
    )
    if len(turn.tokens) != 1:
        chat.says(turn, "Done. ", "Done. ")


@scenario(clause=("AC46", "AC47"), needs=("mock",), evidence=IDLE)
async def turn_outlasts_silence(bench: AgentBench) -> None:
    """A model that is silent for long, and then goes on, is waited for (`--silence`: how long)."""
    silence = bench.environment.silence
    bench.deadline += silence
    async with bench.connect() as chat:
        thread = new_thread()
        thinks = finished(delta("Hm. "), gate(1), delta("Yes."))
        token = chat.ask(thread, pattern=await bench.script(thinks))
        await chat.said(clause="AC3", expected="a token, before the model thinks")
        await chat.outlasts(silence, held="AC46", pinged="AC47")
        await bench.upstream.open_gate(token, 1)
        chat.says(await chat.completes(thread, clause="AC46", unless="AC46"), "Yes.", clause="AC46")
