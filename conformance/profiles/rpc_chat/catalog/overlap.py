"""More than one at a time: prompts on a connection, connections to an engine."""

import asyncio
from contextlib import AsyncExitStack

from conformance.core.scenario import scenario
from conformance.core.script import delta, finished, gate
from conformance.profiles.rpc_chat.client import (
    CHARACTER,
    WORLD,
    RpcBench,
    RpcChat,
    deltas,
    messages,
)
from conformance.profiles.websocket.chat import new_token

LOAD = 'flower-engine testing, "Load Testing"'
LEAK = 'Vigil-SOC/vigil#345 "responses leak across sessions"'


@scenario(clause=("RC34", "RC35"), needs=("mock",))
async def overlap_same_socket(chat: RpcChat) -> None:
    """A prompt that comes during an answer is dropped, and leaves that answer as it was."""
    await chat.staged()
    first = chat.prompt("First.", pattern="gated:1")
    await chat.chunks(1)
    second = chat.prompt("Second.")
    chat.ping(b"here")  # answered in order: the second prompt has then been read
    if not await chat.until(lambda: any(each.data == b"here" for each in chat.received)):
        raise chat.failed("pong", clause="RC40", expected="a pong with b'here'", actual="none")
    await chat.bench.upstream.open_gate(first, 1)
    rest = await chat.answer(clause="RC34")
    entry = await chat.bench.asked_once(first)
    words = deltas(entry)[1:]
    chat.expect(
        rest.text == "".join(words) and not rest.others,
        check="first",
        clause="RC34",
        expected=f"the rest of the first answer: {''.join(words)!r}",
        actual="; ".join(map(str, rest.messages)),
    )
    chat.replied(await chat.fence("RC35"), clause="RC35")
    asked = await chat.bench.upstream.journal(second)
    chat.expect(
        not asked,
        check="second",
        clause="RC35",
        expected="the second prompt is dropped",
        actual="the model was asked",
    )


@scenario(clause="RC32", needs=("mock",), evidence=LEAK)
async def overlap_two_sockets(bench: RpcBench) -> None:
    """Two answers that are streamed in turns go to their own clients, piece by piece."""
    async with bench.connect() as first, bench.connect() as second:
        chats = {"a": first, "b": second}
        tokens = {}
        for name, chat in chats.items():
            await chat.staged()
            steps = (delta(f"{name}1 "), gate(1), delta(f"{name}2 "), gate(2), delta(f"{name}3"))
            tokens[name] = chat.prompt(pattern=await bench.script(finished(*steps)))
        said = dict.fromkeys(chats, "")
        for number in (1, 2):
            for name, chat in chats.items():
                said[name] += (await chat.chunks(1))[0].content
                await bench.upstream.open_gate(tokens[name], number)
        for name, chat in chats.items():
            said[name] += (await chat.answer()).text
            chat.expect(
                said[name] == f"{name}1 {name}2 {name}3",
                check="own",
                clause="RC32",
                expected=f"{name}1 {name}2 {name}3",
                actual=said[name],
            )


@scenario(clause="RC32", needs=("mock",), evidence=LOAD)
async def overlap_ten_clients(bench: RpcBench) -> None:
    """Ten clients at once each get their whole answer, and nobody else's."""
    async with AsyncExitStack() as stack:
        chats = [await stack.enter_async_context(bench.connect()) for _ in range(10)]
        await asyncio.gather(*(_one_of_ten(chat, n) for n, chat in enumerate(chats)))


async def _one_of_ten(chat: RpcChat, number: int) -> None:
    await chat.staged()
    mine = [f"client {number} word {word} " for word in range(20)]
    token = chat.prompt(pattern=await chat.bench.script(finished(*map(delta, mine))))
    answer = await chat.answer()
    chat.expect(
        answer.text == "".join(mine),
        check="own",
        clause="RC32",
        expected=f"twenty words for client {number}",
        actual=answer.text,
    )
    await chat.bench.asked_once(token)


@scenario(clause="RC32", needs=("mock",), evidence=LEAK)
async def overlap_stories_apart(bench: RpcBench) -> None:
    """What one client told its story is in no other's, nor is the model told there."""
    secret = f"secret-{new_token()}"
    async with bench.connect() as first, bench.connect() as second:
        for chat in (first, second):
            await chat.staged()
        first.prompt(f"Remember {secret}.")
        await first.answer()
        token = second.prompt("What do you know?")
        await second.answer()
        told = str(messages(await bench.asked_once(token))) + str(await second.history())
        second.expect(
            secret not in told,
            check="apart",
            clause="RC32",
            expected="nothing of the other client's story",
            actual=f"{secret} is told",
        )


@scenario(clause="RC33")
async def overlap_commands_untold(bench: RpcBench) -> None:
    """A client hears nothing of another's commands; its stage is its own, or one for all."""
    async with bench.connect() as first, bench.connect() as second:
        await first.greeted()
        await second.greeted()
        before = _chosen(second)
        world, character = f"world-{new_token()}", f"character-{new_token()}"
        await first.command(f"/world select {world}")
        await first.command(f"/character select {character}")
        second.replied(await second.fence(), clause="RC33")
        await second.command("/rules clear")
        second.expect(
            _chosen(second) in (before, [world, character]),
            check="stage",
            clause="RC33",
            expected=f"its own stage, {before}, or as the original's one for all, "
            f"{[world, character]}",
            actual=_chosen(second),
        )


@scenario(clause="RC33", needs=("shared_stages",))
async def overlap_shared_stage(bench: RpcBench) -> None:
    """Clients that ask for the same stage share it; one that asks for another does not."""
    name = new_token()
    url = bench.environment.instance.url
    async with (
        bench.connect(f"{url}?stage={name}") as first,
        bench.connect(f"{url}?stage={name}") as second,
        bench.connect(f"{url}?stage={name}-other") as third,
    ):
        for chat in (first, second, third):
            await chat.greeted()
        await first.command(f"/world select {WORLD}")
        await first.command(f"/character select {CHARACTER}")
        for chat, wanted in ((second, [WORLD, CHARACTER]), (third, ["", ""])):
            chat.replied(await chat.fence(), clause="RC33")
            await chat.command("/rules clear")
            chat.expect(
                _chosen(chat) == wanted,
                check="stage",
                clause="RC33",
                expected=str(wanted),
                actual=_chosen(chat),
            )


def _chosen(chat: RpcChat) -> list[object]:
    return [chat.state.get("world_id"), chat.state.get("character_id")]
