"""Turns and the graph, with faults."""

from __future__ import annotations

import traceback
from collections import Counter
from typing import Any

from agent_chat import frames, graph
from agent_chat.agents import Agent
from agent_chat.frames import Answer, Frame, Message, Refusal
from agent_chat.graph import Asked, Context, Nodes, State, Step
from agent_chat.intent import FALLBACK, Intent
from agent_chat.model import ModelError
from agent_chat.orders import Orders
from agent_chat.turns import ClientLeftError, Memory, Request, Send, Turns
from langgraph.types import Command
from openai import OpenAIError
from switch import fault


class FaultyNodes(Nodes):
    """The graph's nodes."""

    def __init__(self, model: Asked, orders: Orders) -> None:
        super().__init__(model, orders)
        self._heard: list[dict[str, Any]] = []

    def approved(self, action: str, params: dict[str, Any]) -> bool:
        """Whether the customer approved the action."""
        if fault("executes_before_asking"):
            self._orders.cancel(str(params.get("order_id")))
        approved = super().approved(action, params)
        return approved or fault("executes_rejected")

    async def ask(self, agent: Agent, state: State, context: Context) -> Step:
        """Ask an agent's model."""
        messages = state["messages"]
        if fault("history_forgotten"):
            last = max(n for n, each in enumerate(messages) if each["role"] == "user")
            messages = messages[last:]
        if fault("histories_shared"):
            new = [each for each in messages if each["role"] == "user" and each not in self._heard]
            self._heard += new
            messages = [*(each for each in self._heard if each not in messages), *messages]
        return await super().ask(agent, State(**(state | {"messages": messages})), context)


if fault("rejection_untold"):
    graph.REJECTED = {"executed": True}


class FaultyTurns(Turns):
    """The turns of frames."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory)
        self._failed: set[str] = set()
        self._turns: Counter[str] = Counter()

    def admit(self, request: Request) -> Request:
        """The request, or the refusal in its place."""
        match request:
            case Message(problem=Refusal()) if fault("refused_message_touches"):
                self.memory.sessions.touch(request.thread_id)
        return super().admit(request)

    async def terminal(self, request: Request, tell: Send) -> Frame:
        """Play a request; return its terminal frame."""
        said = looked = False

        async def observe(frame: Frame) -> None:
            nonlocal said, looked
            said = said or frame["type"] == "token"
            looked = looked or frame.get("tool") == "get_order_status"
            await tell(frame)

        terminal = await super().terminal(request, observe)
        finished = terminal["type"] == "message_complete"
        if finished and not said and fault("nothing_said_not_completed"):
            raise ClientLeftError
        if finished and fault("rejection_is_error") and _rejects(request):
            return frames.error("rejected", "The action was rejected.")
        if fault("completes_after_interrupt") and terminal["type"] == "interrupt":
            await tell(terminal)
            return frames.message_complete()
        if fault("completes_twice") and finished and looked:
            await tell(terminal)
        return terminal

    async def asked(self, message: Message, tell: Send) -> Frame:
        """Play a message's turn."""
        self._turns[message.thread_id] += 1
        if fault("third_turn_fails") and self._turns[message.thread_id] > 2:
            return frames.error("too_many_steps", "The assistant got lost.")
        if fault("message_drops_pending"):
            self.memory.approvals.drop(message.thread_id)
        return await super().asked(message, tell)

    def intent(self, message: Message) -> Intent:
        """The intents of a message."""
        intent = super().intent(message)
        if fault("second_intent_ignored"):
            intent = Intent(intent.agents[:1], intent.question)
        guessed = intent.question and fault("ambiguous_guessed")
        return Intent((FALLBACK,)) if guessed else intent

    async def answered(self, answer: Answer, tell: Send) -> Frame:
        """Play an approval's turn."""
        pending = self.memory.approvals.unanswered(answer.thread_id)
        if pending is None and fault("nothing_pending_completes"):
            return frames.message_complete()
        terminal = await super().answered(answer, tell)
        late = pending is not None and terminal["type"] == "interrupt_expired"
        if late and pending is not None and fault("late_answer_executes") and answer.approved:
            self.memory.orders.cancel(pending.params["order_id"])
        return terminal

    async def run(self, thread_id: str, turn: State | Command[Any], tell: Send) -> Frame:
        """Run the graph."""
        if thread_id in self._failed:
            raise ClientLeftError
        try:
            return await super().run(thread_id, turn, tell)
        except (OpenAIError, ModelError):
            if fault("stack_trace_in_error"):
                return frames.error("model_failed", traceback.format_exc())
            if fault("model_failure_silent"):
                raise ClientLeftError from None
            if fault("model_failure_completes"):
                return frames.message_complete()
            if fault("failure_poisons_thread"):
                self._failed.add(thread_id)
            raise


def _rejects(request: Request) -> bool:
    return isinstance(request, Answer) and not request.approved
