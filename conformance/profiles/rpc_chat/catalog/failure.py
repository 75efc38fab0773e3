"""A model that fails: the client is told, and can go on."""

from conformance.core.scenario import Start, scenario
from conformance.profiles.rpc_chat.client import RpcChat, Said

HANGS = 'sandialabs/atlas-ui-3#341 "errors hang chat"'


async def _fails(chat: RpcChat, pattern: str, *, after: int) -> None:
    """Check that an answer fails after so many chunks, and that the next one does not."""
    await chat.staged()
    chat.prompt(pattern=pattern)
    told = await _failed(chat)
    if told[-1].event != "error":
        found = "; ".join(map(str, told[-3:]))
        raise chat.failed("error", clause="RC36", expected="an error message", actual=found)
    chunks = [each for each in told if each.event == "chat_chunk"]
    chat.expect(
        len(chunks) == after,
        check="chunks",
        clause="RC18",
        expected=f"{after} chunks before the error",
        actual=f"{len(chunks)}",
    )
    rest = await chat.answer(clause="RC37")
    chat.expect(
        len(rest.messages) == 1 and rest.total == after,
        check="end",
        clause="RC37",
        expected=f"then one chat_end that counts {after}",
        actual="; ".join(map(str, rest.messages)),
    )
    await chat.works("RC31")


async def _failed(chat: RpcChat) -> list[Said]:
    """All up to the error, or an end without one."""
    told: list[Said] = []
    while not told or told[-1].event not in ("error", "chat_end"):
        told.append(await chat.said(clause="RC36", expected="an error"))
    return told


@scenario(clause=("RC36", "RC37", "RC31"), needs=("mock",), evidence=HANGS)
async def failure_refused(chat: RpcChat) -> None:
    """An API that answers 503 is told as an error; the next prompt works."""
    await _fails(chat, "status:503", after=0)


@scenario(clause=("RC36", "RC37", "RC31"), needs=("mock",))
async def failure_page(chat: RpcChat) -> None:
    """So is one that answers with a page of HTML."""
    await _fails(chat, "html:502", after=0)


@scenario(clause=("RC36", "RC37", "RC31"), needs=("mock",), evidence=HANGS)
async def failure_lost(chat: RpcChat) -> None:
    """So is a connection that is lost after three deltas, which arrive."""
    await _fails(chat, "fin:3", after=3)


@scenario(clause=("RC36", "RC37", "RC31"), needs=("mock",))
async def failure_broken_off(chat: RpcChat) -> None:
    """So is an answer that ends after three deltas without a finish_reason."""
    await _fails(chat, "abort:3", after=3)


@scenario(clause=("RC36", "RC37", "RC31"), needs=("mock",))
async def failure_reported(chat: RpcChat) -> None:
    """So is an error that the API reports after three deltas."""
    await _fails(chat, "error:3", after=3)


@scenario(
    clause=("RC36", "RC37", "RC31"),
    needs=("mock",),
    alone=True,
    start=Start(options={"model_timeout": "0.5"}),
    evidence=HANGS,
)
async def failure_silent(chat: RpcChat) -> None:
    """So is a model that says no more after three deltas, and does not end."""
    await _fails(chat, "stall:3", after=3)


@scenario(clause="RC37", needs=("mock",))
async def failure_not_kept(chat: RpcChat) -> None:
    """Of a failed answer the prompt stays in the session, and the partial text does not."""
    await chat.staged()
    chat.prompt("Tell me more.", pattern="fin:3")
    if (await _failed(chat))[-1].event == "error":
        await chat.answer(clause="RC37")
    last = (await chat.history())[-1:]
    chat.expect(
        bool(last)
        and last[0].get("role") == "user"
        and str(last[0].get("content")).startswith("Tell me more."),
        check="kept",
        clause="RC37",
        expected="the user's prompt, last",
        actual=last,
    )
