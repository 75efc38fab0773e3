"""What clients send that is no prompt, or an odd one."""

import json

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.client import RpcBench, RpcChat

UNSTAGED = "Prepare the stage"
"""What every prompt is told on a fresh engine; so a reply with it says: that was a prompt."""


@scenario(clause="RC15")
async def input_raw_command(chat: RpcChat) -> None:
    """A command that is plain text is obeyed as one in a JSON object."""
    await chat.greeted()
    framed = await chat.command("/rules clear")
    chat.text("/rules clear")
    raw = await chat.fence()
    chat.replied(raw, *((each.event, each.content) for each in framed), clause="RC15")


@scenario(clause="RC15")
async def input_other_json(chat: RpcChat) -> None:
    """JSON that is no object is a prompt as it stands; so is text that is no JSON."""
    await chat.greeted()
    for text in ("123", '"x"', "[1]", "null", "{", "hello", "{'prompt': 'x'}", "\x00"):
        await _prompts(chat, text)


@scenario(clause="RC15")
async def input_without_prompt(chat: RpcChat) -> None:
    """A missing prompt is an empty one, and an empty one is one; unknown keys change nothing."""
    await chat.greeted()
    for value in ({}, {"prompt": ""}, {"prompt": "Hello", "id": 7, "event": "chat_end"}):
        await _prompts(chat, json.dumps(value))


async def _prompts(chat: RpcChat, text: str) -> None:
    chat.text(text)
    replies = await chat.fence("RC15")
    chat.expect(
        [each.is_update(UNSTAGED) for each in replies].count(True) == 1,
        check="prompt",
        clause="RC15",
        expected=f"the stage error, as {text!r} is a prompt",
        actual="; ".join(map(str, replies)) or "nothing",
    )


@scenario(clause=("RC16", "RC17"))
async def input_wrong_type(bench: RpcBench) -> None:
    """A prompt that is no string gets an error (the original drops the connection)."""
    for value in (5, None, True, ["Hello"], {"text": "Hello"}):
        text = json.dumps({"prompt": value})
        async with bench.connect() as chat:
            await chat.greeted()
            chat.text(text)
            await _refused(chat, text)
    await _still_serves(bench)


@scenario(clause=("RC16", "RC17"))
async def input_binary(bench: RpcBench) -> None:
    """A binary message gets an error (the original drops the connection)."""
    async with bench.connect() as chat:
        await chat.greeted()
        chat.binary(b'{"prompt": "/rules clear"}')
        await _refused(chat, "a binary message")
    await _still_serves(bench)


async def _refused(chat: RpcChat, what: str) -> None:
    """Check for the error. One that was dropped instead is noted, and not asked further."""
    await chat.until(lambda: len(chat.untaken) > 0)
    if chat.expect(
        not chat.ended and bool(chat.untaken),
        check="lives",
        clause="RC16",
        expected=f"an error to {what}, on a connection that stays open",
        actual="the connection was closed" if chat.ended else "nothing",
    ):
        replies = await chat.fence("RC16")
        chat.expect(
            [each.event for each in replies] == ["error"],
            check="refused",
            clause="RC16",
            expected=f"an error to {what}",
            actual="; ".join(map(str, replies)) or "nothing",
        )


async def _still_serves(bench: RpcBench) -> None:
    async with bench.connect() as chat:
        try:
            await chat.said(clause="RC17", expected="a greeting, after all that")
        finally:
            chat.release()


@scenario(clause="RC17")
async def input_hostile(bench: RpcBench) -> None:
    """Long ids, script in names, deep nesting and half surrogate pairs end nobody's connection."""
    async with bench.connect() as bystander, bench.connect() as chat:
        await bystander.greeted()
        await chat.greeted()
        chat.text("[" * 50_000)
        chat.text('{"prompt": "\\ud83d"}')
        chat.text('{"prompt": "' + "x" * 40_000)
        chat.ask(f"/world select {'w' * 40_000}")
        chat.ask("/character select <script>alert(1)</script>")
        chat.ask("/session continue ../../etc/passwd")
        chat.ask("/session delete ' OR 1=1 --")
        chat.ask("/world select \ud800")
        await chat.fence("RC17")
        bystander.replied(await bystander.fence("RC17"), clause="RC17")
