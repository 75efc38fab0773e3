"""World, character, model and rules: the commands that set the stage."""

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.client import CHARACTER, WORLD, RpcChat
from conformance.profiles.websocket.chat import new_token

SELECTION = 'flower-engine testing, "Testing Specific Commands"'
UNSTAGED = 'flower-engine testing, "Testing Error Handling"'

KNOWN_MODEL = "deepseek-chat"
"""Every engine lists it."""


async def _refused(chat: RpcChat, text: str) -> None:
    """Check that a prompt gets the stage error, and nothing else."""
    chat.ask(text)
    said = await chat.said(clause="RC8", expected="the stage error")
    if not said.is_update("Prepare the stage"):
        expected = "a system_update that says 'Prepare the stage'"
        raise chat.failed("unstaged", clause="RC8", expected=expected, actual=str(said))
    chat.replied(await chat.fence(), clause="RC8")


@scenario(clause="RC8", evidence=UNSTAGED)
async def stage_unset(chat: RpcChat) -> None:
    """A prompt to a fresh engine is told to prepare the stage; nothing is generated."""
    await chat.greeted()
    await _refused(chat, "Hello")


@scenario(clause="RC8")
async def stage_half_set(chat: RpcChat) -> None:
    """World alone is not enough, nor are world and character without a session."""
    await chat.greeted()
    await chat.command(f"/world select {chat.choice('worlds', WORLD)}")
    await _refused(chat, "Hello")
    await chat.command(f"/character select {chat.choice('characters', CHARACTER)}")
    await _refused(chat, "Hello")


@scenario(clause=("RC5", "RC6"), evidence=SELECTION)
async def stage_world(chat: RpcChat) -> None:
    """A world is selected: told by name, then in the state."""
    await _select(chat, "world", WORLD)


@scenario(clause=("RC5", "RC6"))
async def stage_character(chat: RpcChat) -> None:
    """A character is selected: told by name, then in the state."""
    await _select(chat, "character", CHARACTER)


async def _select(chat: RpcChat, kind: str, usual: str) -> None:
    await chat.greeted()
    chosen = chat.choice(f"{kind}s", usual)
    replies = await chat.command(f"/{kind} select {chosen}")
    chat.expect(
        bool(replies) and replies[0].is_update(chosen),
        check="selected",
        clause="RC5",
        expected=f"a system_update that names {chosen}",
        actual=str(replies[0]) if replies else "nothing",
    )
    update = ("system_update", f"Active {kind} set to {chosen}")
    chat.replied(replies, update, chat.sync, clause="RC6")
    told = [each.metadata.get(f"{kind}_id") for each in replies]
    chat.expect(
        set(told) == {chosen},
        check="id",
        clause="RC6",
        expected=f"{kind}_id {chosen!r} in both",
        actual=told,
    )


@scenario(clause="RC4")
async def stage_pipelined(chat: RpcChat) -> None:
    """Commands that are sent at once are answered in order."""
    await chat.greeted()
    wanted = [f"no-such-model-{number}-{new_token()}" for number in range(5)]
    for each in wanted:
        chat.ask(f"/model {each}")
    told = [each.content for each in await chat.fence()]
    chat.expect(
        len(told) == len(wanted) and all(map(str.__contains__, told, wanted)),
        check="order",
        clause="RC4",
        expected=f"answers that name {', '.join(wanted)}",
        actual=told,
    )


@scenario(clause="RC12")
async def stage_model(chat: RpcChat) -> None:
    """A known model is swapped in, with one message; an unknown one is not recognized."""
    await chat.greeted()
    replies = await chat.command(f"/model {KNOWN_MODEL}")
    swapped = ("system_update", f"Hot-swapped model to {KNOWN_MODEL}")
    if chat.replied(replies, swapped, clause="RC12"):
        chat.expect(
            replies[0].metadata == {"model": KNOWN_MODEL, "model_confirmed": True},
            check="swapped",
            clause="RC12",
            expected=f"model {KNOWN_MODEL}, confirmed",
            actual=str(replies[0]),
        )
    unknown = f"nope-{new_token()}"
    replies = await chat.command(f"/model {unknown}")
    update = ("system_update", f"Error: {unknown} is not recognized.")
    chat.replied(replies, update, clause="RC12")
    await chat.command("/rules clear")
    model = chat.state.get("model")
    chat.expect(
        model == KNOWN_MODEL,
        check="kept",
        clause="RC12",
        expected=f"the state has {KNOWN_MODEL}",
        actual=str(model),
    )


@scenario(clause="RC13", needs=("rules",))
async def stage_rules(chat: RpcChat) -> None:
    """A rule that is added twice is active once; clearing leaves none."""
    await chat.greeted()
    rule = chat.state["available_rules"][0]["id"]
    added = ("system_update", f"✓ Rule '{rule}' activated")
    cleared = ("system_update", "✓ All active rules cleared")
    for command, told, active in (
        (f"/rules add {rule}", added, [rule]),
        (f"/rules add {rule}", added, [rule]),
        ("/rules clear", cleared, []),
    ):
        replies = await chat.command(command)
        chat.replied(replies, told, chat.sync, clause="RC13")
        found = [each.metadata.get("active_rules") for each in replies]
        chat.expect(
            all(each == active for each in found),
            check="active",
            clause="RC13",
            expected=f"{active} after {command}",
            actual=found,
        )


@scenario(clause="RC14")
async def stage_silence(chat: RpcChat) -> None:
    """Unknown commands, missing arguments, unknown ids and an idle cancel are met with silence."""
    await chat.greeted()
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
        chat.replied(await chat.command(command), clause="RC14")
