"""Turns: what each frame of a client leads to, up to its one terminal frame.

A frame is admitted when it arrives (rate, content, session: nobody is refused
for the time that his turn had to wait) and played when its thread is free.
Refusals wait for their turn too, so that the answers of a thread come in the
order of its frames.

An approval is looked at when its answer is played, expiry first: what came too
late resumes nothing. It is marked as answered before the graph is resumed, so
an action is carried out once or not at all, whatever happens in between.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from langgraph.types import Command
from openai import OpenAIError

from agent_chat import frames, history
from agent_chat.approvals import Approvals
from agent_chat.frames import Answer, Frame, Message, Refusal
from agent_chat.graph import SUPERVISOR, Context, Graph, State
from agent_chat.intent import Intent, classify
from agent_chat.model import ModelError
from agent_chat.orders import Orders
from agent_chat.rate import RateLimit
from agent_chat.sessions import Sessions
from agent_chat.threads import Threads

STEPS = 40
"""Of the graph, in a turn. A tool and what the model says to it are two; a model that calls
tools for ever is stopped here."""

Request = Message | Answer | Refusal
Send = Callable[[Frame], Awaitable[None]]

_log = logging.getLogger("agent_chat")


class ClientLeftError(Exception):
    """Nobody is there to be sent anything."""


class Memory(Protocol):
    """What a backend knows of its clients' threads; the service is one."""

    sessions: Sessions
    approvals: Approvals
    orders: Orders
    rate: RateLimit
    threads: Threads
    graph: Graph


class Turns:
    """Plays clients' frames."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def admit(self, request: Request) -> Request:
        """The request, or the refusal that takes its place. Call it as the frame arrives."""
        if not isinstance(request, Message):
            return request
        if not self.memory.rate.admit(request.thread_id):
            said = "The rate limit of this conversation is reached. Please wait a moment."
            return self._refuse(request, "rate_limit", said)
        if request.problem is not None:
            return request.problem
        if self.memory.sessions.expired(request.thread_id):
            said = "Session expired. Please start a new conversation."
            return self._refuse(request, "session_expired", said)
        self.memory.sessions.touch(request.thread_id)
        return request

    async def play(self, request: Request, send: Send) -> None:
        """Send everything that an admitted request leads to.

        send: raises ClientLeftError, which ends the turn without a word.
        """

        async def tell(frame: Frame) -> None:
            await send(frames.addressed(frame, request))

        if request.thread_id is None:
            await send(frames.refusal(request))
            return
        async with self.memory.threads.hold(request.thread_id):
            await tell(await self.terminal(request, tell))

    async def terminal(self, request: Request, tell: Send) -> Frame:
        """Play the request up to its terminal frame, which is returned; failures have one too."""
        try:
            match request:
                case Refusal():
                    return frames.refusal(request)
                case Answer():
                    return await self.answered(request, tell)
                case Message():
                    return await self.asked(request, tell)
        except ClientLeftError:
            raise
        except (OpenAIError, ModelError) as error:
            # What an API says of itself may hold the key, so it is not repeated, only named.
            status = getattr(error, "status_code", None)
            _log.warning("%s: model: %s %s", request.thread_id, type(error).__name__, status or "")
            return frames.error("model_failed", "The assistant failed. Please try again.")
        except GraphRecursionError:
            _log.warning("%s: more than %d steps", request.thread_id, STEPS)
            return frames.error("too_many_steps", "The assistant got lost. Please ask differently.")
        except Exception:
            _log.exception("%s: a turn failed", request.thread_id)
            return frames.error("internal", "Something went wrong. Please try again.")

    async def asked(self, message: Message, tell: Send) -> Frame:
        """A message's turn, up to its terminal frame, which is returned."""
        pending = self.memory.approvals.unanswered(message.thread_id)
        if pending is not None and not pending.expired:
            said = f"An approval of {pending.action} is pending. Please answer it first."
            return frames.error("interrupt_pending", said)
        intent = self.intent(message)
        user = history.user(message.content)
        if intent.question is not None:
            asked_back = history.said(SUPERVISOR, intent.question)
            await self.memory.graph.aupdate_state(
                _config(message.thread_id), {"messages": [user, asked_back]}, as_node=SUPERVISOR
            )
            return frames.clarification(intent.question)
        turn = State(messages=[user], plan=list(intent.agents), agent="")
        return await self.run(message.thread_id, turn, tell)

    def intent(self, message: Message) -> Intent:
        """What the message asks for."""
        return classify(message.content)

    async def answered(self, answer: Answer, tell: Send) -> Frame:
        """An approval's turn, up to its terminal frame, which is returned."""
        approvals, thread_id = self.memory.approvals, answer.thread_id
        pending = approvals.unanswered(thread_id)
        if pending is None:
            return frames.error("no_pending", "No pending approval in this conversation.")
        if pending.expired:
            approvals.drop(thread_id)
            return frames.interrupt_expired(pending.action)
        approvals.answer(pending.interrupt_id, approved=answer.approved)
        self.memory.sessions.resume(thread_id)
        return await self.run(thread_id, Command(resume=answer.approved), tell)

    async def run(self, thread_id: str, turn: State | Command[Any], tell: Send) -> Frame:
        """Run the graph until it is done, or asks."""
        asked = [
            interrupt
            async for update in self.updates(thread_id, turn, tell)
            for interrupt in update.get("__interrupt__", ())
        ]
        if not asked:
            return frames.message_complete()
        action, params = asked[0].value["action"], asked[0].value["params"]
        approval = self.memory.approvals.ask(asked[0].id, thread_id, action, params)
        self.memory.sessions.extend(thread_id, approval.expires_at)
        return frames.interrupt(approval.interrupt_id, action, params)

    def updates(
        self, thread_id: str, turn: State | Command[Any], tell: Send
    ) -> AsyncIterator[dict[str, Any]]:
        """What the graph does, step by step.

        It is saved once, at the end or at an interrupt: a turn that a crash cut off never was.
        """
        return self.memory.graph.astream(
            turn,
            _config(thread_id) | {"recursion_limit": STEPS},
            context=Context(tell),
            stream_mode="updates",
            durability="exit",
        )

    @staticmethod
    def _refuse(message: Message, code: str, said: str) -> Refusal:
        return Refusal(code, said, message.thread_id, message.message_id)


def _config(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}
