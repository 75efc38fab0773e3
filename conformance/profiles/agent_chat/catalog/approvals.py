"""Approvals: a write waits until the customer approves or rejects it."""

import re

from conformance.core.scenario import Start, scenario
from conformance.profiles.agent_chat.bench import AgentBench
from conformance.profiles.agent_chat.chat import AgentChat, new_thread
from conformance.profiles.agent_chat.frames import Turn
from conformance.profiles.agent_chat.orders import calling, new_order
from conformance.profiles.websocket.checking import OWN
from conformance.profiles.websocket.model import messages

FLOW = "smart-support tests/e2e/test_chat_flows.py, flow {}"

NO = re.compile(r"\b(?:not|no|reject\w*|declin\w*|den\w*|refus\w*|false)\b", re.IGNORECASE)
"""Words of the tool's message by which an agent learns of a rejection."""


class _Write:
    """A cancellation that waits for approval."""

    def __init__(self, chat: AgentChat) -> None:
        self.chat = chat
        self.thread = new_thread()
        self.order = new_order()
        self.token = ""

    async def ask(self, *deltas: str) -> Turn:
        """Ask for it, and take the interrupt. deltas: the model's text after the decision."""
        script = calling("cancel_order", self.order, *(deltas or ("That was the order.",)))
        pattern = await self.chat.model.playing(script)
        self.token = self.chat.ask(self.thread, f"Cancel order {self.order}", pattern)
        return await self.chat.interrupted(self.thread)

    async def decided(self, approved: object, *, clause: str = OWN) -> Turn:
        """Decide, and take the turn, which completes."""
        self.chat.decide(self.thread, approved)
        return await self.chat.completes(self.thread, clause=clause)

    async def executed(self, times: int, *, clause: str = OWN) -> None:
        """Check how often it was carried out."""
        await self.chat.rest.executed(self.order, times, clause=clause)


@scenario(clause="AC8", needs=("mock",), evidence=FLOW.format(2))
async def write_asks_first(chat: AgentChat) -> None:
    """The backend interrupts before a write, does not execute it, and does not complete."""
    write = _Write(chat)
    await write.ask()
    await write.executed(0)


@scenario(clause="AC9", needs=("mock",), evidence=FLOW.format(2))
async def approval_resumes(chat: AgentChat) -> None:
    """The agent reports an approved action, and the turn completes."""
    write = _Write(chat)
    words = f"Order {write.order} has been cancelled successfully."
    await write.ask(words)
    turn = await write.decided(approved=True)
    chat.says(turn, words)
    chat.check(
        all(agent in ("order_actions", None) for agent in turn.agents),
        "agent",
        expected="the agent order_actions",
        actual=turn.agents,
    )
    await chat.silent(clause="AC6")


@scenario(clause="AC9", needs=("mock", "rest=orders"))
async def approved_executes_once(chat: AgentChat) -> None:
    """The backend executes an approved action once."""
    write = _Write(chat)
    await write.ask()
    await write.executed(0, clause="AC8")
    await write.decided(approved=True)
    await write.executed(1)


@scenario(clause="AC10", needs=("mock",), evidence=FLOW.format(3))
async def rejection_is_told(chat: AgentChat) -> None:
    """The agent receives a rejection and reports it; the turn completes without an error."""
    write = _Write(chat)
    words = f"Understood. Order {write.order} will remain active."
    await write.ask(words)
    turn = await write.decided(approved=False)
    chat.says(turn, words)
    last = messages((await chat.model.asked(write.token))[-1])[-1]
    chat.check(
        bool(NO.search(str(last.get("content")))),
        "told",
        expected="a last message that tells the model of the rejection",
        actual=last,
    )
    await chat.silent(clause="AC6")


@scenario(clause="AC10", needs=("mock", "rest=orders"), evidence=FLOW.format(3))
async def rejected_executes_nothing(chat: AgentChat) -> None:
    """The backend does not execute a rejected action."""
    write = _Write(chat)
    await write.ask()
    await write.executed(0, clause="AC8")
    chat.decide(write.thread, False)
    await chat.turn(clause="AC10")
    await write.executed(0)


@scenario(clause="AC9", needs=("mock",))
async def write_again_after_rejection(chat: AgentChat) -> None:
    """The backend asks again for a rejected action in the same thread, and executes it."""
    write = _Write(chat)
    await write.ask()
    chat.decide(write.thread, False)
    await chat.turn(clause="AC10")
    await write.ask("Cancelled. ", "Anything else?")
    turn = await write.decided(approved=True)
    chat.says(turn, "Cancelled. ", "Anything else?")
    await write.executed(1)


@scenario(clause="AC19", needs=("no_pending_error",))
async def approval_of_nothing(chat: AgentChat) -> None:
    """The backend answers an approval with an error when nothing is pending."""
    chat.decide(chat.thread, True)
    await chat.refuses("No pending")


@scenario(clause="AC19", needs=("mock", "no_pending_error"))
async def approval_counts_once(chat: AgentChat) -> None:
    """The backend answers a second decision with an error, and changes nothing."""
    write = _Write(chat)
    await write.ask()
    chat.decide(write.thread, True)
    await chat.turn(clause="AC9")
    before = await chat.rest.executions(write.order)
    for approved in (True, False):
        chat.decide(write.thread, approved)
        await chat.refuses("No pending")
    after = await chat.rest.executions(write.order)
    chat.check(after == before, "executed", expected=f"as before: {before}", actual=str(after))


@scenario(clause="AC19", needs=("mock", "no_pending_error"))
async def approved_is_boolean(bench: AgentBench) -> None:
    """The backend refuses a decision that is not a boolean, and keeps the approval pending."""
    async with bench.connect() as chat:
        write = _Write(chat)
        await write.ask()
        await write.executed(0, clause="AC8")
        others: tuple[object, ...] = ("false", "true", 1, 0, None, [], {"approved": True})
        for approved in others:
            chat.decide(write.thread, approved)
            await chat.refuses()
        chat.send({"type": "interrupt_response", "thread_id": write.thread})
        await chat.refuses()
        await write.executed(0)
        await write.decided(approved=True)


@scenario(clause="AC20", needs=("mock", "one_pending"))
async def message_while_pending(chat: AgentChat) -> None:
    """The backend refuses a message while an approval is pending, and keeps the approval."""
    write = _Write(chat)
    words = "Cancelled after all."
    await write.ask(words)
    token = chat.ask(write.thread, "Hello?")
    await chat.refuses()
    await chat.model.unasked(token)
    turn = await write.decided(approved=True)
    chat.says(turn, words)


@scenario(clause="AC21", needs=("mock", "resume_after_reconnect"))
async def approval_over_reconnect(bench: AgentBench) -> None:
    """The backend takes an approval on another socket than it asked on."""
    async with bench.connect() as chat:
        write = _Write(chat)
        await write.ask("Cancelled. ", "Welcome back.")
        await chat.close()
    async with bench.connect() as again:
        write.chat = again
        turn = await write.decided(approved=True)
        again.says(turn, "Cancelled. ", "Welcome back.")
        await write.executed(1, clause="AC9")


LATE = Start(options={"interrupt_ttl": "0"})
"""Every approval arrives too late."""


@scenario(clause="AC18", needs=("mock", "interrupt_expired"), alone=True, start=LATE)
async def approval_too_late(chat: AgentChat) -> None:
    """The backend reports a late approval as expired, executes nothing, and continues."""
    write = _Write(chat)
    await write.ask()
    chat.decide(write.thread, True)
    turn = await chat.ends("interrupt_expired")
    pending = turn.terminal.get("thread_id"), turn.terminal.get("action")
    chat.check(
        len(turn.frames) == 1 and pending == (write.thread, "cancel_order"),
        "interrupt_expired",
        expected=f"one interrupt_expired, thread_id {write.thread}, action cancel_order",
        actual=str(turn),
    )
    await write.executed(0)
    await chat.works(thread=write.thread)
