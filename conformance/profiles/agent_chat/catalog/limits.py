"""The rate limit: 10 messages in 10 seconds, for each thread."""

from conformance.core.scenario import scenario
from conformance.profiles.agent_chat.chat import AgentChat, new_thread
from conformance.profiles.agent_chat.frames import listed

ADMITTED = 10


@scenario(clause="AC22", needs=("rate_limit",))
async def rate_of_a_thread(chat: AgentChat) -> None:
    """The backend completes ten of eleven messages at once in a thread, and refuses one."""
    for _ in range(ADMITTED + 1):
        await chat.prompt()
    terminals = [(await chat.turn(clause="AC22")).terminal for _ in range(ADMITTED + 1)]
    kinds = [terminal["type"] for terminal in terminals]
    errors = [terminal for terminal in terminals if terminal["type"] == "error"]
    chat.check(
        (kinds.count("message_complete"), len(errors)) == (ADMITTED, 1),
        "admitted",
        expected="10 message_complete, 1 error",
        actual=listed(errors) if errors else str(kinds),
    )
    chat.check(
        all("rate limit" in str(error.get("message")).lower() for error in errors),
        "message",
        expected="an error that says rate limit",
        actual=listed(errors),
    )
    await chat.works()


@scenario(clause="AC22", needs=("rate_limit",))
async def rate_of_other_threads(chat: AgentChat) -> None:
    """The backend completes twelve messages at once in twelve threads on one socket."""
    threads = [new_thread() for _ in range(ADMITTED + 2)]
    for thread in threads:
        chat.ask(thread)
    turns = [await chat.ends("message_complete", clause="AC6", missing="AC7") for _ in threads]
    completed = [str(turn.terminal.get("thread_id")) for turn in turns]
    chat.check(
        sorted(completed) == sorted(threads),
        "thread_id",
        expected=f"a message_complete in each of {', '.join(threads)}",
        actual=", ".join(completed),
        clause="AC6",
    )
