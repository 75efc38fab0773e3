"""Sessions: begun, continued, listed, deleted, kept."""

import re

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.bench import RpcBench
from conformance.profiles.rpc_chat.chat import RpcChat


@scenario(clause="RC9")
async def session_needs_cast(chat: RpcChat) -> None:
    """The engine begins no session without a world and a character."""
    await chat.begin()
    refusal = ("system_update", "✗ Select world/char first.")
    chat.replied(await chat.command("/session new"), refusal)


@scenario(clause="RC7")
async def session_new(bench: RpcBench) -> None:
    """The engine begins a session with its id, the state, and the start message."""
    async with bench.connect() as chat:
        await chat.prepare()
        replies = await chat.command("/session new")
        chat.check(
            re.fullmatch("[0-9a-f]{12}", chat.session) is not None,
            "id",
            expected="a session_id of 12 hex digits in the state",
            actual=chat.session,
        )
        update = ("system_update", f"✓ New session: {chat.session}")
        if not chat.replied(replies, update, chat.sync, ("chat_history", "")):
            return
        needed = bench.declares("start_message")
        turns = replies[2].metadata.get("history")
        roles = [turn.get("role") for turn in turns] if isinstance(turns, list) else None
        chat.check(
            roles == ["assistant"] or (roles == [] and not needed),
            "start",
            expected="the world's start message" + (", or nothing" if not needed else ""),
            actual=str(replies[2]),
        )


_KEYS = ("session_id", "world_id", "character_id")


@scenario(clause="RC10")
async def session_continued(chat: RpcChat) -> None:
    """The engine continues a session with its history, and its own world and character."""
    await chat.prepare()
    session, world, character = (chat.state[key] for key in _KEYS)
    await chat.command("/world select elsewhere")
    await chat.command("/character select somebody")
    await chat.command("/session new")
    replies = await chat.command(f"/session continue {session}")
    chat.replied(replies, ("chat_history", ""), chat.sync)
    restored = [chat.state.get(key) for key in _KEYS]
    chat.check(
        restored == [session, world, character],
        "restored",
        expected=f"session {session}, world {world}, character {character}",
        actual=restored,
    )


@scenario(clause="RC10")
async def session_model_restored(chat: RpcChat) -> None:
    """The engine continues a session with the session's model."""
    await chat.prepare()
    session, model = chat.session, chat.state["model"]
    await chat.command("/session new")
    await chat.command("/model deepseek-reasoner")
    await chat.command(f"/session continue {session}")
    restored = chat.state.get("model")
    chat.check(restored == model, "model", expected=model, actual=str(restored))


@scenario(clause="RC11", alone=True)
async def session_listed(chat: RpcChat) -> None:
    """The engine lists sessions, the last used first, and deletes one, the active one too."""
    await chat.prepare()
    first = chat.session
    await chat.command("/session new")
    second = chat.session
    _lists(chat, second, first)
    await chat.command(f"/session continue {first}")
    _lists(chat, first, second)
    await _deletes(chat, first)
    _lists(chat, second)
    chat.check(chat.session == "", "unset", expected="no session_id", actual=chat.session)
    await _deletes(chat, "nope")


async def _deletes(chat: RpcChat, session: str) -> None:
    replies = await chat.command(f"/session delete {session}")
    chat.replied(replies, ("system_update", f"✓ Deleted session {session}"), chat.sync)


def _lists(chat: RpcChat, *sessions: str) -> None:
    listed = [row.get("id") for row in chat.state.get("available_sessions", ())]
    chat.check(listed == list(sessions), "listed", expected=" ".join(sessions), actual=listed)


@scenario(clause="RC26", needs=("mock",))
async def session_history(chat: RpcChat) -> None:
    """A continued session shows the prompt and its answer, in order."""
    await chat.prepare()
    await chat.prompt("Who goes there?")
    answer = await chat.answer()
    turns = [(turn.get("role"), turn.get("content", "")) for turn in (await chat.history())[-2:]]
    chat.check(
        len(turns) == 2
        and turns[0][0] == "user"
        and turns[0][1].startswith("Who goes there?")
        and turns[1] == ("assistant", answer.text),
        "turns",
        expected=f"the user's prompt, then the assistant's {answer.text!r}",
        actual=turns,
    )


@scenario(clause="RC26", needs=("mock",))
async def session_history_limited(chat: RpcChat) -> None:
    """A continued session shows the last 50 messages of a long one, oldest first."""
    await chat.prepare()
    for number in range(26):
        await chat.prompt(f"Prompt {number}.", "finish:stop")
        await chat.answer()
    turns = await chat.history()
    prompts = [turn["content"].partition(".")[0] for turn in turns if turn.get("role") == "user"]
    chat.check(
        len(turns) == 50 and prompts == [f"Prompt {number}" for number in range(1, 26)],
        "last",
        expected="50 messages: prompts 1 to 25 with their answers",
        actual=f"{len(turns)} messages: {prompts}",
    )


@scenario(clause="RC26", needs=("mock",), alone=True)
async def session_outlives_restart(bench: RpcBench) -> None:
    """The engine keeps a session's prompt and answer over a restart."""
    async with bench.connect() as chat:
        await chat.prepare()
        await chat.prompt("Remember this.")
        answer = await chat.answer()
        session = chat.session
    await bench.daemon.stop()
    async with bench.another(state=bench.daemon.state) as daemon:
        await daemon.ready(bench.left)
        async with bench.connect(daemon.url) as chat:
            await chat.begin()
            replies = await chat.command(f"/session continue {session}")
            histories = [str(reply.metadata.get("history")) for reply in replies]
            chat.check(
                any("Remember this." in text and answer.text in text for text in histories),
                "kept",
                expected="a chat_history with the prompt and its answer",
                actual=histories,
            )
