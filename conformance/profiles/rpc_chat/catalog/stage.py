"""World, character, model and rules: the commands that set the stage."""

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.chat import RpcChat
from conformance.profiles.rpc_chat.commands import STAGE_ERROR
from conformance.profiles.rpc_chat.messages import CHARACTER, WORLD
from conformance.profiles.websocket.model import new_token

SELECTION = 'flower-engine testing, "Testing Specific Commands"'
UNSTAGED = 'flower-engine testing, "Testing Error Handling"'

KNOWN_MODEL = "deepseek-chat"
"""A model that every engine lists."""


async def _is_refused(chat: RpcChat) -> None:
    """Check that a prompt gets the stage error, and nothing else."""
    chat.ask("Hello")
    reply = await chat.message(clause="RC8", expected="the stage error")
    chat.require(
        reply.is_update(STAGE_ERROR),
        "unstaged",
        expected=f"a system_update that says {STAGE_ERROR!r}",
        actual=str(reply),
    )
    await chat.silent()


@scenario(clause="RC8", evidence=UNSTAGED)
async def stage_unset(chat: RpcChat) -> None:
    """A fresh engine answers a prompt with the stage error, and generates nothing."""
    await chat.begin()
    await _is_refused(chat)


@scenario(clause="RC8")
async def stage_half_set(chat: RpcChat) -> None:
    """The engine refuses prompts with a world only, and without a session."""
    await chat.begin()
    await chat.command(f"/world select {chat.choice('worlds', WORLD)}")
    await _is_refused(chat)
    await chat.command(f"/character select {chat.choice('characters', CHARACTER)}")
    await _is_refused(chat)


@scenario(clause=("RC5", "RC6"), evidence=SELECTION)
async def stage_world(chat: RpcChat) -> None:
    """The engine confirms a selected world by name, then in the state."""
    await _select(chat, "world", WORLD)


@scenario(clause=("RC5", "RC6"))
async def stage_character(chat: RpcChat) -> None:
    """The engine confirms a selected character by name, then in the state."""
    await _select(chat, "character", CHARACTER)


async def _select(chat: RpcChat, kind: str, documented: str) -> None:
    await chat.begin()
    chosen = chat.choice(f"{kind}s", documented)
    replies = await chat.command(f"/{kind} select {chosen}")
    chat.check(
        bool(replies) and replies[0].is_update(chosen),
        "selected",
        expected=f"a system_update that names {chosen}",
        actual=str(replies[0]) if replies else "nothing",
    )
    update = ("system_update", f"Active {kind} set to {chosen}")
    chat.replied(replies, update, chat.sync, clause="RC6")
    ids = [reply.metadata.get(f"{kind}_id") for reply in replies]
    chat.check(
        set(ids) == {chosen},
        "id",
        expected=f"{kind}_id {chosen!r} in both",
        actual=ids,
        clause="RC6",
    )


@scenario(clause="RC4")
async def stage_pipelined(chat: RpcChat) -> None:
    """The engine answers commands in order when they arrive together."""
    await chat.begin()
    models = [f"no-such-model-{number}-{new_token()}" for number in range(5)]
    for model in models:
        chat.ask(f"/model {model}")
    contents = [reply.content for reply in await chat.fence()]
    chat.check(
        len(contents) == len(models) and all(map(str.__contains__, contents, models)),
        "order",
        expected=f"answers that name {', '.join(models)}",
        actual=contents,
    )


@scenario(clause="RC12")
async def stage_model(chat: RpcChat) -> None:
    """The engine swaps a known model in with one message, and does not recognize another one."""
    await chat.begin()
    replies = await chat.command(f"/model {KNOWN_MODEL}")
    if chat.replied(replies, ("system_update", f"Hot-swapped model to {KNOWN_MODEL}")):
        chat.check(
            replies[0].metadata == {"model": KNOWN_MODEL, "model_confirmed": True},
            "swapped",
            expected=f"model {KNOWN_MODEL}, confirmed",
            actual=str(replies[0]),
        )
    unknown = f"nope-{new_token()}"
    replies = await chat.command(f"/model {unknown}")
    chat.replied(replies, ("system_update", f"Error: {unknown} is not recognized."))
    await chat.command("/rules clear")
    model = chat.state.get("model")
    chat.check(
        model == KNOWN_MODEL, "kept", expected=f"the state has {KNOWN_MODEL}", actual=str(model)
    )


@scenario(clause="RC13", needs=("rules",))
async def stage_rules(chat: RpcChat) -> None:
    """The engine activates a rule once when it is added twice, and clears all rules."""
    await chat.begin()
    rule = chat.state["available_rules"][0]["id"]
    added = ("system_update", f"✓ Rule '{rule}' activated")
    cleared = ("system_update", "✓ All active rules cleared")
    for command, update, active in (
        (f"/rules add {rule}", added, [rule]),
        (f"/rules add {rule}", added, [rule]),
        ("/rules clear", cleared, []),
    ):
        replies = await chat.command(command)
        chat.replied(replies, update, chat.sync)
        states = [reply.metadata.get("active_rules") for reply in replies]
        chat.check(
            all(state == active for state in states),
            "active",
            expected=f"{active} after {command}",
            actual=states,
        )


@scenario(clause="RC14")
async def stage_silence(chat: RpcChat) -> None:
    """The engine is silent on unknown commands and ids, missing arguments, and an idle cancel."""
    await chat.begin()
    for command in (
        "/bogus",
        "/",
        "/world select",
        "/world  select darkwood",
        "/character",
        "/session continue nope",
        "/session delete",
        "/rules add nope",
        "/model",
        "/cancel",
    ):
        chat.replied(await chat.command(command))
