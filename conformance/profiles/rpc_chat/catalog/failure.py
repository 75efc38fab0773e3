"""A model that fails: the client receives an error, and can go on."""

from conformance.core.scenario import scenario
from conformance.profiles.rpc_chat.chat import RpcChat
from conformance.profiles.websocket import failure

BROKEN = ("RC36", "RC37", "RC31")

failure.refused.declare(__name__, "failure_refused", *BROKEN)
failure.page.declare(__name__, "failure_page", *BROKEN)
failure.lost.declare(__name__, "failure_lost", *BROKEN)
failure.broken_off.declare(__name__, "failure_broken_off", *BROKEN)
failure.reported.declare(__name__, "failure_reported", *BROKEN)
failure.silent.declare(__name__, "failure_silent", *BROKEN)


@scenario(clause="RC37", needs=("mock",))
async def failure_not_kept(chat: RpcChat) -> None:
    """The engine keeps the prompt of a failed answer, and not its partial text."""
    await chat.prepare()
    await chat.prompt("Tell me more.", pattern="fin:3")
    await chat.failure()
    await chat.answer(clause="RC37")
    last = (await chat.history())[-1:]
    chat.check(
        bool(last)
        and last[0].get("role") == "user"
        and str(last[0].get("content")).startswith("Tell me more."),
        "kept",
        expected="the user's prompt, last",
        actual=last,
    )
