"""Messages of clients that are not prompts, or odd ones."""

import json

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.rpc_chat.chat import RpcChat
from conformance.profiles.rpc_chat.commands import STAGE_ERROR
from conformance.profiles.rpc_chat.messages import listed


@scenario(clause="RC15")
async def input_raw_command(chat: RpcChat) -> None:
    """The engine obeys a command in plain text as one in a JSON object."""
    await chat.begin()
    framed = await chat.command("/rules clear")
    chat.text("/rules clear")
    chat.replied(await chat.fence(), *((reply.event, reply.content) for reply in framed))


@scenario(clause="RC15")
async def input_other_json(chat: RpcChat) -> None:
    """The engine takes JSON that is not an object, and text that is not JSON, as a prompt."""
    await chat.begin()
    for text in ("123", '"x"', "[1]", "null", "{", "hello", "{'prompt': 'x'}", "\x00"):
        await _is_prompt(chat, text)


@scenario(clause="RC15")
async def input_without_prompt(chat: RpcChat) -> None:
    """The engine takes a missing prompt as an empty one, and ignores unknown keys."""
    await chat.begin()
    for value in ({}, {"prompt": ""}, {"prompt": "Hello", "id": 7, "event": "chat_end"}):
        await _is_prompt(chat, json.dumps(value))


async def _is_prompt(chat: RpcChat, text: str) -> None:
    chat.text(text)
    replies = await chat.fence("RC15")
    chat.check(
        sum(reply.is_update(STAGE_ERROR) for reply in replies) == 1,
        "prompt",
        expected=f"the stage error, as {text!r} is a prompt",
        actual=listed(replies),
    )


@scenario(clause=("RC16", "RC17"))
async def input_wrong_type(bench: RpcBench) -> None:
    """The engine answers a prompt that is not a string with an error (the original drops it)."""
    for value in (5, None, True, ["Hello"], {"text": "Hello"}):
        text = json.dumps({"prompt": value})
        async with bench.connect() as chat:
            await chat.begin()
            chat.text(text)
            await _is_refused(chat, text)
    await _still_serves(bench)


@scenario(clause=("RC16", "RC17"))
async def input_binary(bench: RpcBench) -> None:
    """The engine answers a binary message with an error (the original drops the connection)."""
    async with bench.connect() as chat:
        await chat.begin()
        chat.binary(b'{"prompt": "/rules clear"}')
        await _is_refused(chat, "a binary message")
    await _still_serves(bench)


async def _is_refused(chat: RpcChat, what: str) -> None:
    """Check for an error, on a connection that stays open."""
    await chat.until(lambda: bool(chat.untaken))
    if chat.check(
        not chat.ended and bool(chat.untaken),
        "lives",
        expected=f"an error to {what}, on a connection that stays open",
        actual=chat.status(),
    ):
        replies = await chat.fence("RC16")
        chat.check(
            [reply.event for reply in replies] == ["error"],
            "refused",
            expected=f"an error to {what}",
            actual=listed(replies),
        )


async def _still_serves(bench: RpcBench) -> None:
    async with bench.connect() as chat:
        await chat.message(clause="RC17", expected="a greeting of a new connection")


@scenario(clause="RC17")
async def input_hostile(bench: RpcBench) -> None:
    """The engine keeps every connection on long ids, scripts, deep nesting and surrogates."""
    async with bench.connect() as bystander, bench.connect() as chat:
        await bystander.begin()
        await chat.begin()
        chat.text("[" * 50_000)
        chat.text('{"prompt": "\\ud83d"}')
        chat.text('{"prompt": "' + "x" * 40_000)
        chat.ask(f"/world select {'w' * 40_000}")
        chat.ask("/character select <script>alert(1)</script>")
        chat.ask("/session continue ../../etc/passwd")
        chat.ask("/session delete ' OR 1=1 --")
        chat.ask("/world select \ud800")
        await chat.fence("RC17")
        bystander.replied(await bystander.fence("RC17"))
