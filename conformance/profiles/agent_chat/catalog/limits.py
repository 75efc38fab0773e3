"""The rate limit: 10 messages in 10 seconds, for each thread."""

from conformance.core.scenario import scenario
from conformance.profiles.agent_chat.client import AgentChat, new_thread, told

ADMITTED = 10


@scenario(clause="AC22", needs=("rate_limit",))
async def rate_of_a_thread(chat: AgentChat) -> None:
    """Of eleven messages at once in one thread, ten complete, and one is an error."""
    thread = new_thread()
    for _ in range(ADMITTED + 1):
        chat.ask(thread)
    turns = [await chat.turn(clause="AC22") for _ in range(ADMITTED + 1)]
    kinds = [each.terminal["type"] for each in turns]
    chat.expect(
        (kinds.count("message_complete"), kinds.count("error")) == (ADMITTED, 1),
        check="admitted",
        clause="AC22",
        expected="10 message_complete, 1 error",
        actual=told([each.terminal for each in turns if each.terminal["type"] == "error"])
        if "error" in kinds
        else str(kinds),
    )
    errors = [each.terminal for each in turns if each.terminal["type"] == "error"]
    chat.expect(
        all("rate limit" in str(each.get("message")).lower() for each in errors),
        check="message",
        clause="AC22",
        expected="an error that says rate limit",
        actual=told(errors),
    )
    await chat.works("AC22")


@scenario(clause="AC22", needs=("rate_limit",))
async def rate_of_other_threads(chat: AgentChat) -> None:
    """Twelve messages at once in twelve threads, on one socket, all complete."""
    threads = [new_thread() for _ in range(ADMITTED + 2)]
    for each in threads:
        chat.ask(each)
    turns = [await chat.ends("message_complete", clause="AC6", unless="AC7") for _ in threads]
    completed = [str(each.terminal.get("thread_id")) for each in turns]
    chat.expect(
        sorted(completed) == sorted(threads),
        check="thread_id",
        clause="AC6",
        expected=f"a message_complete in each of {', '.join(threads)}",
        actual=", ".join(completed),
    )
