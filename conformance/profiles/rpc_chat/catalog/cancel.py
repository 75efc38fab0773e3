"""Answers that a client cancels or leaves: the engine ends the request to the model."""

from conformance.core.scenario import scenario
from conformance.core.script import delta, endless, script, stall, wait
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.rpc_chat.chat import RpcChat
from conformance.profiles.rpc_chat.messages import CANCELLED, listed
from conformance.profiles.websocket import failure
from conformance.profiles.websocket.conversation import Conversation

DOCUMENT = 'flower-engine testing, "Testing Stream Cancellation"'
STOP = 'huggingface/chat-ui#890 "only stops the printing", open-webui/open-webui#456'

TALKATIVE = script(endless(delta("on and "), wait(0.005)))
"""An answer without end, which goes on during the cancel."""

SILENT = script(stall())
"""A model that sends nothing."""


async def _cancel(chat: RpcChat, before: int) -> None:
    """Cancel, and check the confirmation and the end. before: chunks that have arrived."""
    chat.ask("/cancel")
    messages = [await chat.message(clause="RC28", expected="a confirmation")]
    while not _confirms(messages[-1].content) and messages[-1].event != "chat_end":
        messages.append(await chat.message(clause="RC28", expected="a confirmation"))
    if messages[-1].event != "chat_end":
        messages += (await chat.answer(clause="RC29")).messages
    places = [n for n, message in enumerate(messages) if _confirms(message.content)]
    chat.require(
        bool(places),
        "cancelled",
        expected="a system_update that says 'cancelled'",
        actual=listed(messages[-3:]),
        clause="RC28",
    )
    after = [*messages[places[0] :], *await chat.fence("RC28")]
    late = sum(message.event == "chat_chunk" for message in after)
    chat.check(
        not late,
        "silent",
        expected="no chunk after the confirmation",
        actual=f"{late} chunks",
        clause="RC28",
    )
    content, total = messages[places[0]].content, messages[-1].metadata.get("total_tokens")
    chunks = before + sum(message.event == "chat_chunk" for message in messages)
    chat.check(
        (content, total) == (CANCELLED, chunks),
        "confirmation",
        expected=f"{CANCELLED!r}, then a chat_end that counts {chunks}",
        actual=f"{content!r}, {total}",
        clause="RC29",
    )


def _confirms(content: str) -> bool:
    return "cancelled" in content.lower()


async def _cancelled(chat: RpcChat, pattern: str) -> None:
    """Cancel an answer after its second chunk."""
    await chat.prepare()
    await chat.prompt(pattern=pattern)
    await chat.chunks(2)
    chat.ask("/cancel")


@scenario(clause=("RC28", "RC29"), needs=("mock",), evidence=DOCUMENT)
async def cancel_midway(chat: RpcChat) -> None:
    """The engine confirms a cancel, and sends no later chunk although the model goes on."""
    await chat.prepare()
    await chat.prompt(pattern=await chat.model.playing(TALKATIVE))
    await chat.chunks(3)
    await _cancel(chat, 3)


@scenario(clause=("RC28", "RC29", "RC30"), needs=("mock",))
async def cancel_before_first(chat: RpcChat) -> None:
    """The engine cancels an answer before its first chunk."""
    await chat.prepare()
    token = await chat.prompt(pattern=await chat.model.playing(SILENT))
    await chat.model.reached(token)
    await _cancel(chat, 0)
    await chat.model.let_go(token)


@scenario(clause="RC30", needs=("mock",), evidence=STOP)
async def cancel_lets_model_go(chat: RpcChat) -> None:
    """The engine ends the request to a silent model on a cancel."""
    await chat.prepare()
    token = await chat.prompt(pattern="stall:2")
    await chat.chunks(2)
    chat.ask("/cancel")
    await chat.model.let_go(token)


@scenario(clause="RC31", needs=("mock",), evidence=STOP)
async def cancel_then_prompt(chat: RpcChat) -> None:
    """The engine answers the prompt after a cancel without text of the old answer."""
    await _cancelled(chat, await chat.model.playing(TALKATIVE))
    await chat.answer(clause="RC28")
    await chat.works("RC31")


@scenario(clause="RC31", needs=("mock",))
async def cancel_twice(chat: RpcChat) -> None:
    """The engine answers the next prompt after two cancels in a row."""
    await _cancelled(chat, "stall:2")
    chat.ask("/cancel")
    await chat.answer(clause="RC28")
    await chat.fence("RC31")  # the original confirms twice
    await chat.works("RC31")


@scenario(clause="RC29", needs=("mock",))
async def cancel_keeps_partial(chat: RpcChat) -> None:
    """The engine keeps the text that it sent before the cancel in the session."""
    await chat.prepare()
    await chat.prompt(pattern="stall:3")
    partial = "".join(await chat.pieces(3))
    chat.ask("/cancel")
    await chat.answer(clause="RC28")
    last = (await chat.history())[-1:]
    chat.check(
        last == [{"role": "assistant", "content": partial}],
        "kept",
        expected=f"the assistant's {partial!r}, last",
        actual=last,
    )


@scenario(clause="RC30", needs=("mock",))
async def leave_by_close(bench: RpcBench) -> None:
    """The engine ends the request to the model when a client closes during its answer."""
    await failure.leaves(bench, Conversation.close)


@scenario(clause="RC30", needs=("mock",))
async def leave_by_fin(bench: RpcBench) -> None:
    """The engine ends the request to the model when a client leaves without a close frame."""
    await failure.leaves(bench, failure.by_fin)


@scenario(clause="RC30", needs=("mock",))
async def leave_before_first(bench: RpcBench) -> None:
    """The engine ends the request to the model when a client resets before the first chunk."""
    async with bench.connect() as chat:
        await chat.prepare()
        token = await chat.prompt(pattern=await bench.script(SILENT))
        await bench.model.reached(token)
        chat.reset()
        await bench.model.let_go(token)
