"""Several at a time: prompts on a connection, connections to an engine."""

import asyncio
from contextlib import AsyncExitStack

from conformance.core.finding import FindingKind
from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.rpc_chat.chat import RpcChat
from conformance.profiles.rpc_chat.messages import CHARACTER, WORLD, listed
from conformance.profiles.websocket.model import deltas, messages, new_token

LOAD = 'flower-engine testing, "Load Testing"'
LEAK = 'Vigil-SOC/vigil#345 "responses leak across sessions"'


@scenario(clause=("RC34", "RC35"), needs=("mock",))
async def overlap_same_socket(chat: RpcChat) -> None:
    """The engine drops a prompt during an answer, and continues that answer unaltered."""
    await chat.prepare()
    first = await chat.prompt("First.", pattern="gated:1")
    await chat.chunks(1)
    second = await chat.prompt("Second.")
    # The engine reads in order: a pong proves that it has read the second prompt.
    chat.require(
        await chat.pong(b"here"),
        "pong",
        expected="a pong with b'here'",
        actual="none",
        kind=FindingKind.NO_PONG,
    )
    await chat.model.open_gate(first, 1)
    rest = await chat.answer(clause="RC34")
    text = "".join(deltas(await chat.model.asked_once(first))[1:])
    chat.check(
        rest.text == text and not rest.others,
        "first",
        expected=f"the rest of the first answer: {text!r}",
        actual=listed(rest.messages),
    )
    await chat.silent(clause="RC35")
    await chat.model.unasked(second, clause="RC35")


@scenario(clause="RC32", needs=("mock",), evidence=LEAK)
async def overlap_two_sockets(bench: RpcBench) -> None:
    """Two clients whose answers are streamed in turns receive their own pieces only."""
    async with bench.connect() as first, bench.connect() as second:
        chats = {"a": first, "b": second}
        tokens = {}
        for name, chat in chats.items():
            await chat.prepare()
            steps = (delta(f"{name}1 "), gate(1), delta(f"{name}2 "), gate(2), delta(f"{name}3"))
            tokens[name] = await chat.prompt(pattern=await bench.script(finished(*steps)))
        texts = dict.fromkeys(chats, "")
        for number in (1, 2):
            for name, chat in chats.items():
                texts[name] += (await chat.pieces(1))[0]
                await bench.model.open_gate(tokens[name], number)
        for name, chat in chats.items():
            texts[name] += (await chat.answer()).text
            text = f"{name}1 {name}2 {name}3"
            chat.check(texts[name] == text, "own", expected=text, actual=texts[name])


@scenario(clause="RC32", needs=("mock",), evidence=LOAD)
async def overlap_ten_clients(bench: RpcBench) -> None:
    """Each of ten clients at once receives its whole answer, and no other's text."""
    async with AsyncExitStack() as stack:
        chats = [await stack.enter_async_context(bench.connect()) for _ in range(10)]
        await asyncio.gather(*(_is_served(chat, number) for number, chat in enumerate(chats)))


async def _is_served(chat: RpcChat, number: int) -> None:
    await chat.prepare()
    words = [f"client {number} word {word} " for word in range(20)]
    token = await chat.prompt(pattern=await chat.model.saying(*words))
    answer = await chat.answer()
    expected = f"twenty words for client {number}"
    chat.check(answer.text == "".join(words), "own", expected=expected, actual=answer.text)
    await chat.model.asked_once(token)


@scenario(clause="RC32", needs=("mock",), evidence=LEAK)
async def overlap_stories_apart(bench: RpcBench) -> None:
    """A client's text reaches neither another client's history nor that client's model."""
    secret = f"secret-{new_token()}"
    async with bench.connect() as first, bench.connect() as second:
        for chat in (first, second):
            await chat.prepare()
        await first.command("/rules clear")  # its sync_state has the session
        # An engine may have one stage for all (RC33), and so one session at a time.
        one_stage = first.session == second.session
        if one_stage:
            await first.command("/session new")
        await first.prompt(f"Remember {secret}.")
        await first.answer()
        if one_stage:
            await second.command("/session new")
        token = await second.prompt("What do you know?")
        await second.answer()
        asked = messages(await bench.model.asked_once(token))
        second.check(
            secret not in f"{asked} {await second.history()}",
            "apart",
            expected="nothing of the other client's story",
            actual=f"{secret} in the request or the history",
        )


@scenario(clause="RC33")
async def overlap_commands_untold(bench: RpcBench) -> None:
    """The engine sends a client nothing about another's commands."""
    async with bench.connect() as first, bench.connect() as second:
        await first.begin()
        await second.begin()
        before = _choices(second)
        world, character = f"world-{new_token()}", f"character-{new_token()}"
        await first.command(f"/world select {world}")
        await first.command(f"/character select {character}")
        await second.silent()
        await second.command("/rules clear")
        second.check(
            _choices(second) in (before, [world, character]),
            "stage",
            expected=f"its own stage, {before}, or as the original's one for all, "
            f"{[world, character]}",
            actual=_choices(second),
        )


@scenario(clause="RC33", needs=("shared_stages",))
async def overlap_shared_stage(bench: RpcBench) -> None:
    """Clients that ask for the same stage share it; a client of another stage does not."""
    name = new_token()
    url = bench.environment.instance.url
    async with (
        bench.connect(f"{url}?stage={name}") as first,
        bench.connect(f"{url}?stage={name}") as second,
        bench.connect(f"{url}?stage={name}-other") as third,
    ):
        for chat in (first, second, third):
            await chat.begin()
        await first.command(f"/world select {WORLD}")
        await first.command(f"/character select {CHARACTER}")
        for chat, wanted in ((second, [WORLD, CHARACTER]), (third, ["", ""])):
            await chat.silent()
            await chat.command("/rules clear")
            chosen = _choices(chat)
            chat.check(chosen == wanted, "stage", expected=str(wanted), actual=chosen)


def _choices(chat: RpcChat) -> list[object]:
    return [chat.state.get("world_id"), chat.state.get("character_id")]
