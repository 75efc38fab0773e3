"""Sessions: begun, continued, listed, deleted, kept."""

import re

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.client import RpcBench, RpcChat, Said


@scenario(clause="RC9")
async def session_needs_cast(chat: RpcChat) -> None:
    """A session cannot begin without world and character."""
    await chat.greeted()
    refusal = ("system_update", "✗ Select world/char first.")
    chat.replied(await chat.command("/session new"), refusal, clause="RC9")


@scenario(clause="RC7")
async def session_new(chat: RpcChat) -> None:
    """A session begins with three messages: its id, the state, and what was said so far."""
    await chat.staged()
    replies = await chat.command("/session new")
    session = chat.session
    chat.expect(
        re.fullmatch("[0-9a-f]{12}", session) is not None,
        check="id",
        clause="RC7",
        expected="a session_id of 12 hex digits in the state",
        actual=session,
    )
    told = ("system_update", f"✓ New session: {session}")
    if chat.replied(replies, told, chat.sync, ("chat_history", ""), clause="RC7"):
        _begins_with(chat, replies[2], needed=chat.bench.declares("start_message"))


def _begins_with(chat: RpcChat, history: Said, *, needed: bool) -> None:
    """Check that a new session's history is its world's start message, if it has one."""
    turns = history.metadata.get("history")
    roles = [each.get("role") for each in turns] if isinstance(turns, list) else None
    chat.expect(
        roles == ["assistant"] or (roles == [] and not needed),
        check="start",
        clause="RC7",
        expected="the world's start message" + (", or nothing" if not needed else ""),
        actual=str(history),
    )


@scenario(clause="RC10")
async def session_continued(chat: RpcChat) -> None:
    """A continued session brings its history, then the world and character it was played in."""
    await chat.staged()
    session, world, character = (chat.state[f"{each}_id"] for each in _PLACES)
    await chat.command("/world select elsewhere")
    await chat.command("/character select somebody")
    await chat.command("/session new")
    replies = await chat.command(f"/session continue {session}")
    chat.replied(replies, ("chat_history", ""), chat.sync, clause="RC10")
    found = [chat.state.get(f"{each}_id") for each in _PLACES]
    chat.expect(
        found == [session, world, character],
        check="restored",
        clause="RC10",
        expected=f"session {session}, world {world}, character {character}",
        actual=found,
    )


_PLACES = ("session", "world", "character")


@scenario(clause="RC10")
async def session_model_restored(chat: RpcChat) -> None:
    """A continued session is continued with the model it had."""
    await chat.staged()
    session, model = chat.session, chat.state["model"]
    await chat.command("/session new")
    await chat.command("/model deepseek-reasoner")
    await chat.command(f"/session continue {session}")
    chat.expect(
        chat.state.get("model") == model,
        check="model",
        clause="RC10",
        expected=model,
        actual=str(chat.state.get("model")),
    )


@scenario(clause="RC11", alone=True)
async def session_listed(chat: RpcChat) -> None:
    """Sessions are listed, those used last first; a deleted one is not, and no longer active."""
    await chat.staged()
    first = chat.session
    await chat.command("/session new")
    second = chat.session
    _lists(chat, second, first)
    await chat.command(f"/session continue {first}")
    _lists(chat, first, second)
    replies = await chat.command(f"/session delete {first}")
    told = ("system_update", f"✓ Deleted session {first}")
    chat.replied(replies, told, chat.sync, clause="RC11")
    _lists(chat, second)
    chat.expect(
        chat.session == "",
        check="unset",
        clause="RC11",
        expected="no session_id",
        actual=chat.session,
    )
    replies = await chat.command("/session delete nope")
    told = ("system_update", "✓ Deleted session nope")
    chat.replied(replies, told, chat.sync, clause="RC11")


def _lists(chat: RpcChat, *sessions: str) -> None:
    found = [each.get("id") for each in chat.state.get("available_sessions", ())]
    chat.expect(
        found == list(sessions),
        check="listed",
        clause="RC11",
        expected=" ".join(sessions),
        actual=found,
    )


@scenario(clause="RC26", needs=("mock",))
async def session_history(chat: RpcChat) -> None:
    """A continued session shows the prompt and its answer, in order."""
    await chat.staged()
    chat.prompt("Who goes there?")
    answer = await chat.answer()
    turns = (await chat.history())[-2:]
    found = [(each.get("role"), each.get("content", "")) for each in turns]
    chat.expect(
        len(found) == 2
        and found[0][0] == "user"
        and found[0][1].startswith("Who goes there?")
        and found[1] == ("assistant", answer.text),
        check="turns",
        clause="RC26",
        expected=f"the user's prompt, then the assistant's {answer.text!r}",
        actual=found,
    )


@scenario(clause="RC26", needs=("mock",))
async def session_history_limited(chat: RpcChat) -> None:
    """Of a long session the last 50 messages are shown, oldest first."""
    await chat.staged()
    for number in range(26):
        chat.prompt(f"Prompt {number}.", "finish:stop")
        await chat.answer()
    turns = await chat.history()
    asked = [each["content"].partition(".")[0] for each in turns if each.get("role") == "user"]
    chat.expect(
        len(turns) == 50 and asked == [f"Prompt {number}" for number in range(1, 26)],
        check="last",
        clause="RC26",
        expected="50 messages: prompts 1 to 25 with their answers",
        actual=f"{len(turns)} messages: {asked}",
    )


@scenario(clause="RC26", needs=("mock",), alone=True)
async def session_outlives_restart(bench: RpcBench) -> None:
    """What was said is still there after a restart."""
    async with bench.connect() as chat:
        await chat.staged()
        chat.prompt("Remember this.")
        answer = await chat.answer()
        session = chat.session
    await bench.daemon.stop()
    async with bench.another(state=bench.daemon.state) as daemon:
        await daemon.ready(bench.left)
        async with bench.connect(daemon.url) as chat:
            await chat.greeted()
            replies = await chat.command(f"/session continue {session}")
            told = [str(each.metadata.get("history")) for each in replies]
            chat.expect(
                any("Remember this." in each and answer.text in each for each in told),
                check="kept",
                clause="RC26",
                expected="a chat_history with the prompt and its answer",
                actual=told,
            )
