"""Turns: the frames that answer a client's frame, up to one terminal frame.

A frame is admitted when it arrives: rate, content and session are checked then, because
the wait for its turn must not count. It is played when its thread is free. Refusals
wait for their turn too, so the answers of a thread have the order of its frames.

The expiry of an approval is checked when its answer is played. A late answer does not
resume the graph. The approval is marked as answered before the graph resumes. An action
therefore runs once or not at all, also if the process ends in between.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError
from langgraph.types import Command, Interrupt
from openai import OpenAIError
from structlog.contextvars import bound_contextvars

from agent_chat import frames, history
from agent_chat.approvals import Approvals
from agent_chat.frames import Answer, Frame, Message, Refusal
from agent_chat.graph import SUPERVISOR, Context, Graph, State
from agent_chat.intent import Intent, classify
from agent_chat.log import log
from agent_chat.model import ModelError
from agent_chat.orders import Orders
from agent_chat.rate import RateLimit
from agent_chat.sessions import Sessions
from agent_chat.threads import Threads

STEPS = 40
"""Limit of the graph's steps in a turn. A tool and the model's answer to it are two steps. The
limit ends a turn in which the model calls tools without end."""

Request = Message | Answer | Refusal
Send = Callable[[Frame], Awaitable[None]]


class ClientLeftError(Exception):
    """The client has disconnected."""


class Memory(Protocol):
    """The parts of the service that a turn uses."""

    sessions: Sessions
    approvals: Approvals
    orders: Orders
    rate: RateLimit
    threads: Threads
    graph: Graph


class Turns:
    """Admits and plays clients' frames."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def admit(self, request: Request) -> Request:
        """The request, or the refusal that replaces it. Call it when the frame arrives."""
        if not isinstance(request, Message):
            return request
        if not self.memory.rate.admit(request.thread_id):
            reason = "The rate limit of this conversation is reached. Please wait a moment."
            return self._refuse(request, "rate_limit", reason)
        if request.problem is not None:
            return request.problem
        if self.memory.sessions.expired(request.thread_id):
            reason = "Session expired. Please start a new conversation."
            return self._refuse(request, "session_expired", reason)
        self.memory.sessions.touch(request.thread_id)
        return request

    async def play(self, request: Request, send: Send) -> None:
        """Send all frames that answer an admitted request.

        send: raises ClientLeftError, which ends the turn without a frame.
        """

        async def tell(frame: Frame) -> None:
            await send(frames.addressed(frame, request))

        if request.thread_id is None:
            await send(frames.refusal(request))
            return
        with bound_contextvars(thread_id=request.thread_id):
            async with self.memory.threads.hold(request.thread_id):
                began = time.monotonic()
                terminal = await self.terminal(request, tell)
                seconds = round(time.monotonic() - began, 3)
                end = terminal.get("code", terminal["type"])
                log.info("turn", request=type(request).__name__, end=end, seconds=seconds)
                await tell(terminal)

    async def terminal(self, request: Request, tell: Send) -> Frame:
        """Play the request and return its terminal frame, which a failure has too."""
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
            # The API's own message may contain the key, so it is neither sent nor logged.
            status = getattr(error, "status_code", None)
            log.warning("model failed", error=type(error).__name__, status=status)
            return frames.error("model_failed", "The assistant failed. Please try again.")
        except GraphRecursionError:
            log.warning("too many steps", limit=STEPS)
            return frames.error("too_many_steps", "The assistant got lost. Please ask differently.")
        except Exception:
            log.exception("turn failed")
            return frames.error("internal", "Something went wrong. Please try again.")

    async def asked(self, message: Message, tell: Send) -> Frame:
        """Play a message and return its terminal frame."""
        pending = self.memory.approvals.unanswered(message.thread_id)
        if pending is not None and not pending.expired:
            reason = f"An approval of {pending.action} is pending. Please answer it first."
            return frames.error("interrupt_pending", reason)
        intent = self.intent(message)
        user = history.user(message.content)
        if intent.question is not None:
            asked_back = history.answer(SUPERVISOR, intent.question)
            await self.memory.graph.aupdate_state(
                _config(message.thread_id), {"messages": [user, asked_back]}, as_node=SUPERVISOR
            )
            return frames.clarification(intent.question)
        turn = State(messages=[user], plan=list(intent.agents), agent="")
        return await self.run(message.thread_id, turn, tell)

    def intent(self, message: Message) -> Intent:
        """Classify a message."""
        return classify(message.content)

    async def answered(self, answer: Answer, tell: Send) -> Frame:
        """Play the answer to an approval and return its terminal frame."""
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
        """Run the graph until it finishes or needs an approval."""
        asked: list[Interrupt] = []
        stopped = ""
        async for update in self.updates(thread_id, turn, tell):
            asked += update.get("__interrupt__", ())
            stopped = next(
                (step["stopped"] for step in _steps(update) if "stopped" in step), stopped
            )
        if not asked:
            return frames.message_complete(stopped)
        action, params = asked[0].value["action"], asked[0].value["params"]
        approval = self.memory.approvals.ask(asked[0].id, thread_id, action, params)
        self.memory.sessions.extend(thread_id, approval.expires_at)
        return frames.interrupt(approval.interrupt_id, action, params)

    def updates(
        self, thread_id: str, turn: State | Command[Any], tell: Send
    ) -> AsyncIterator[dict[str, Any]]:
        """The graph's updates, one for each step.

        LangGraph saves a checkpoint once, at the end or at an interrupt. A turn that a crash
        ended leaves no checkpoint.
        """
        return self.memory.graph.astream(
            turn,
            _config(thread_id) | {"recursion_limit": STEPS},
            context=Context(tell),
            stream_mode="updates",
            durability="exit",
        )

    @staticmethod
    def _refuse(message: Message, code: str, reason: str) -> Refusal:
        return Refusal(code, reason, message.thread_id, message.message_id)


def _steps(update: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for step in update.values() if isinstance(step, dict)]


def _config(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}
