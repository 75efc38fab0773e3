"""Answers that are stopped, or whose client leaves: the model is let go."""

from conformance.core.scenario import scenario
from conformance.core.script import delta, endless, script, stall, wait
from conformance.profiles.rpc_chat.client import CANCELLED, Answer, RpcBench, RpcChat, Said

DOCUMENT = 'flower-engine testing, "Testing Stream Cancellation"'
STOP = 'huggingface/chat-ui#890 "only stops the printing", open-webui/open-webui#456'

TALKATIVE = script(endless(delta("on and "), wait(0.005)))
"""An answer without end, which goes on while it is being cancelled."""

SILENT = script(stall())
"""A model that thinks for ever."""


async def _cancel(chat: RpcChat, already: int) -> Answer:
    """Cancel, check the confirmation and what follows it; what came. `already`: chunks so far."""
    chat.ask("/cancel")
    taken: list[Said] = []
    while not taken or not (_confirms(taken[-1].content) or taken[-1].event == "chat_end"):
        taken.append(await chat.said(clause="RC28", expected="a confirmation"))
    if taken[-1].event != "chat_end":
        taken += (await chat.answer(clause="RC29")).messages
    answer = Answer(tuple(taken))
    confirmed = [n for n, each in enumerate(answer.messages) if _confirms(each.content)]
    if not confirmed:
        expected = "a system_update that says 'cancelled'"
        found = "; ".join(map(str, answer.messages[-3:]))
        raise chat.failed("cancelled", clause="RC28", expected=expected, actual=found)
    late = [each for each in answer.messages[confirmed[0] :] if each.event == "chat_chunk"]
    late += [each for each in await chat.fence("RC28") if each.event == "chat_chunk"]
    chat.expect(
        not late,
        check="silent",
        clause="RC28",
        expected="no chunk after the confirmation",
        actual=f"{len(late)} chunks",
    )
    update = answer.messages[confirmed[0]]
    chat.expect(
        (update.content, answer.total) == (CANCELLED, already + len(answer.chunks)),
        check="confirmation",
        clause="RC29",
        expected=f"{CANCELLED!r}, then a chat_end that counts {already + len(answer.chunks)}",
        actual=f"{update.content!r}, {answer.total}",
    )
    return answer


def _confirms(content: str) -> bool:
    return "cancelled" in content.lower()


@scenario(clause=("RC28", "RC29"), needs=("mock",), evidence=DOCUMENT)
async def cancel_midway(chat: RpcChat) -> None:
    """A cancel is confirmed; no chunk follows, though the model has more to say."""
    await chat.staged()
    chat.prompt(pattern=await chat.bench.script(TALKATIVE))
    await chat.chunks(3)
    await _cancel(chat, 3)


@scenario(clause=("RC28", "RC29", "RC30"), needs=("mock",))
async def cancel_before_first(chat: RpcChat) -> None:
    """An answer that has not begun can be cancelled, too: it has no chunks."""
    await chat.staged()
    token = chat.prompt(pattern=await chat.bench.script(SILENT))
    await chat.bench.upstream.wait(token, state="received", within=chat.bench.left)
    await _cancel(chat, 0)
    await chat.bench.let_go(token)


@scenario(clause="RC30", needs=("mock",), evidence=STOP)
async def cancel_lets_model_go(chat: RpcChat) -> None:
    """A cancel ends the request to the model, while that is silent."""
    await chat.staged()
    token = chat.prompt(pattern="stall:2")
    await chat.chunks(2)
    chat.ask("/cancel")
    await chat.bench.let_go(token)


@scenario(clause="RC31", needs=("mock",), evidence=STOP)
async def cancel_then_prompt(chat: RpcChat) -> None:
    """After a cancel, the next prompt is answered with nothing of the old answer in it."""
    await chat.staged()
    chat.prompt(pattern=await chat.bench.script(TALKATIVE))
    await chat.chunks(3)
    chat.ask("/cancel")
    await chat.answer(clause="RC28")
    await chat.works("RC31")


@scenario(clause="RC31", needs=("mock",))
async def cancel_twice(chat: RpcChat) -> None:
    """A second cancel, right behind the first, does no harm."""
    await chat.staged()
    chat.prompt(pattern="stall:2")
    await chat.chunks(2)
    chat.ask("/cancel")
    chat.ask("/cancel")
    await chat.answer(clause="RC28")
    await chat.fence("RC31")  # the original confirms twice
    await chat.works("RC31")


@scenario(clause="RC29", needs=("mock",))
async def cancel_keeps_partial(chat: RpcChat) -> None:
    """What was said before the cancel is kept in the session."""
    await chat.staged()
    chat.prompt(pattern="stall:3")
    said = "".join(each.content for each in await chat.chunks(3))
    chat.ask("/cancel")
    await chat.answer(clause="RC28")
    last = (await chat.history())[-1:]
    chat.expect(
        last == [{"role": "assistant", "content": said}],
        check="kept",
        clause="RC29",
        expected=f"the assistant's {said!r}, last",
        actual=last,
    )


@scenario(clause="RC30", needs=("mock",))
async def leave_by_close(bench: RpcBench) -> None:
    """A client that closes during its answer ends the request to the model."""
    async with bench.connect() as chat:
        await chat.staged()
        token = chat.prompt(pattern="stall:2")
        await chat.chunks(2)
        await chat.close()
        await bench.let_go(token)


@scenario(clause="RC30", needs=("mock",))
async def leave_by_fin(bench: RpcBench) -> None:
    """A client that is gone without a close frame ends the request to the model."""
    async with bench.connect() as chat:
        await chat.staged()
        token = chat.prompt(pattern="stall:2")
        await chat.chunks(2)
        chat.release()
        await bench.let_go(token)


@scenario(clause="RC30", needs=("mock",))
async def leave_before_first(bench: RpcBench) -> None:
    """A client that resets the connection before the first chunk ends the request, too."""
    async with bench.connect() as chat:
        await chat.staged()
        token = chat.prompt(pattern=await bench.script(SILENT))
        await bench.upstream.wait(token, state="received", within=bench.left)
        chat.reset()
        await bench.let_go(token)
