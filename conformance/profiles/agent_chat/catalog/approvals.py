"""Approvals: a write waits for somebody's yes or no."""

import re

from conformance.core.scenario import Start, scenario
from conformance.profiles.agent_chat.client import (
    AgentBench,
    AgentChat,
    Turn,
    history,
    new_order,
    new_thread,
)

FLOW = "smart-support tests/e2e/test_chat_flows.py, flow {}"

NO = re.compile(r"\b(?:not|no|reject\w*|declin\w*|den\w*|refus\w*|false)\b", re.IGNORECASE)
"""How an agent is told, somewhere in the tool's message, that nothing was done."""


class _Write:
    """A cancellation that waits for approval."""

    def __init__(self, chat: AgentChat) -> None:
        self.chat = chat
        self.thread = new_thread()
        self.order = new_order()
        self.token = ""

    async def ask(self, *deltas: str) -> Turn:
        """Ask for it. deltas: what the model says after the decision."""
        words = deltas or (f"That was order {self.order}.",)
        pattern = await self.chat.bench.calling("cancel_order", self.order, *words)
        self.token = self.chat.ask(self.thread, f"Cancel order {self.order}", pattern)
        return await self.chat.interrupted(self.thread)

    async def decided(self, approved: object, *, clause: str) -> Turn:
        """Decide, and take the turn, which completes."""
        self.chat.decide(self.thread, approved)
        return await self.chat.completes(self.thread, clause=clause, unless=clause)

    async def executed(self, times: int, *, clause: str) -> None:
        """Check how often it was carried out."""
        await self.chat.bench.executed(self.order, times, clause=clause)


@scenario(clause="AC8", needs=("mock",), evidence=FLOW.format(2))
async def write_asks_first(chat: AgentChat) -> None:
    """A write leads to one interrupt with its action, is not carried out, nor completed."""
    write = _Write(chat)
    await write.ask()
    await write.executed(0, clause="AC8")


@scenario(clause="AC9", needs=("mock",), evidence=FLOW.format(2))
async def approval_resumes(chat: AgentChat) -> None:
    """An approved action is told by its agent, and the turn completes."""
    write = _Write(chat)
    words = f"Order {write.order} has been cancelled successfully."
    await write.ask(words)
    turn = await write.decided(approved=True, clause="AC9")
    chat.says(turn, words)
    agents = [each.get("agent") for each in turn.of("token")]
    chat.expect(
        all(each in ("order_actions", None) for each in agents),
        check="agent",
        clause="AC9",
        expected="the agent order_actions",
        actual=agents,
    )
    await chat.fence("AC6")


@scenario(clause="AC9", needs=("mock", "rest=orders"))
async def approved_executes_once(chat: AgentChat) -> None:
    """An approved action is carried out, once."""
    write = _Write(chat)
    await write.ask()
    await write.executed(0, clause="AC8")
    await write.decided(approved=True, clause="AC9")
    await write.executed(1, clause="AC9")


@scenario(clause="AC10", needs=("mock",), evidence=FLOW.format(3))
async def rejection_is_told(chat: AgentChat) -> None:
    """A rejection reaches the agent, which says so; the turn completes, and is no error."""
    write = _Write(chat)
    words = f"Understood. Order {write.order} will remain active."
    await write.ask(words)
    turn = await write.decided(approved=False, clause="AC10")
    chat.says(turn, words)
    last = history((await chat.bench.asked(write.token))[-1])[-1]
    chat.expect(
        bool(NO.search(str(last.get("content")))),
        check="told",
        clause="AC10",
        expected="the model is told, last, that nothing was done",
        actual=last,
    )
    await chat.fence("AC6")


@scenario(clause="AC10", needs=("mock", "rest=orders"), evidence=FLOW.format(3))
async def rejected_executes_nothing(chat: AgentChat) -> None:
    """A rejected action is not carried out."""
    write = _Write(chat)
    await write.ask()
    await write.executed(0, clause="AC8")
    chat.decide(write.thread, False)
    await chat.turn(clause="AC10")
    await write.executed(0, clause="AC10")


@scenario(clause="AC9", needs=("mock",))
async def write_again_after_rejection(chat: AgentChat) -> None:
    """What was rejected can be asked for again in the same thread, and approved."""
    write = _Write(chat)
    await write.ask()
    chat.decide(write.thread, False)
    await chat.turn(clause="AC10")
    await write.ask("Cancelled. ", "Anything else?")
    turn = await write.decided(approved=True, clause="AC9")
    chat.says(turn, "Cancelled. ", "Anything else?")
    await write.executed(1, clause="AC9")


@scenario(clause="AC19", needs=("no_pending_error",))
async def approval_of_nothing(chat: AgentChat) -> None:
    """An approval where nothing is pending is an error."""
    chat.decide(new_thread(), True)
    await chat.refuses("No pending", clause="AC19")


@scenario(clause="AC19", needs=("mock", "no_pending_error"))
async def approval_counts_once(chat: AgentChat) -> None:
    """A second answer is an error, whatever it says, and changes nothing."""
    write = _Write(chat)
    await write.ask()
    chat.decide(write.thread, True)
    await chat.turn(clause="AC9")
    before = await chat.bench.executions(write.order)
    for approved in (True, False):
        chat.decide(write.thread, approved)
        await chat.refuses("No pending", clause="AC19")
    chat.expect(
        await chat.bench.executions(write.order) == before,
        check="executed",
        clause="AC19",
        expected=f"as before: {before}",
        actual=str(await chat.bench.executions(write.order)),
    )


@scenario(clause="AC19", needs=("mock", "no_pending_error"))
async def approved_is_boolean(bench: AgentBench) -> None:
    """What is no boolean decides nothing; the approval stays pending."""
    async with bench.connect() as chat:
        write = _Write(chat)
        await write.ask()
        await write.executed(0, clause="AC8")
        others: tuple[object, ...] = ("false", "true", 1, 0, None, [], {"approved": True})
        for approved in others:
            chat.decide(write.thread, approved)
            await chat.refuses(clause="AC19")
        chat.send({"type": "interrupt_response", "thread_id": write.thread})
        await chat.refuses(clause="AC19")
        await write.executed(0, clause="AC19")
        await write.decided(approved=True, clause="AC19")


@scenario(clause="AC20", needs=("mock", "one_pending"))
async def message_while_pending(chat: AgentChat) -> None:
    """A message while an approval is pending is an error; the approval can still be given."""
    write = _Write(chat)
    words = "Cancelled after all."
    await write.ask(words)
    token = chat.ask(write.thread, "Hello?")
    await chat.refuses(clause="AC20")
    await chat.bench.unasked(token, clause="AC20")
    turn = await write.decided(approved=True, clause="AC20")
    chat.says(turn, words)


@scenario(clause="AC21", needs=("mock", "resume_after_reconnect"))
async def approval_over_reconnect(bench: AgentBench) -> None:
    """An approval can be given on another socket than it was asked for on."""
    async with bench.connect() as chat:
        write = _Write(chat)
        await write.ask("Cancelled. ", "Welcome back.")
        await chat.close()
    async with bench.connect() as again:
        write.chat = again
        turn = await write.decided(approved=True, clause="AC21")
        again.says(turn, "Cancelled. ", "Welcome back.")
        await write.executed(1, clause="AC9")


LATE = Start(options={"interrupt_ttl": "0"})
"""Whoever answers comes too late."""


@scenario(clause="AC18", needs=("mock", "interrupt_expired"), alone=True, start=LATE)
async def approval_too_late(chat: AgentChat) -> None:
    """A late approval is told to be so, carries nothing out, and the thread goes on."""
    write = _Write(chat)
    await write.ask()
    chat.decide(write.thread, True)
    turn = await chat.ends("interrupt_expired", clause="AC18")
    found = turn.terminal.get("thread_id"), turn.terminal.get("action")
    chat.expect(
        len(turn.frames) == 1 and found == (write.thread, "cancel_order"),
        check="interrupt_expired",
        clause="AC18",
        expected=f"one interrupt_expired, thread_id {write.thread}, action cancel_order",
        actual=str(turn),
    )
    await write.executed(0, clause="AC18")
    await chat.works("AC18", write.thread)
