"""The state of threads and orders, with faults."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace

from agent_chat.approvals import Approval, Approvals
from agent_chat.options import Rate
from agent_chat.orders import Orders
from agent_chat.rate import RateLimit
from agent_chat.sessions import Sessions
from agent_chat.threads import Threads
from switch import fault

SPEAKING: ContextVar[str] = ContextVar("SPEAKING")
"""The socket whose frame is handled now."""


class FaultySessions(Sessions):
    """Sessions."""

    def expired(self, thread_id: str) -> bool:
        """Whether a session has expired."""
        expired = super().expired(thread_id)
        if expired and fault("expired_session_revived"):
            self.resume(thread_id)
        return expired and not fault("session_never_expires")

    def touch(self, thread_id: str) -> None:
        """Note an accepted message."""
        before = self.find(thread_id)
        super().touch(thread_id)
        if before and fault("session_absolute"):
            self.extend(thread_id, before.active_at)


class FaultyApprovals(Approvals):
    """Approvals."""

    def __init__(self, database: sqlite3.Connection, ttl: float) -> None:
        super().__init__(database, ttl)
        if fault("interrupt_forgotten_on_restart"):
            database.execute("DELETE FROM approvals")

    def unanswered(self, thread_id: str) -> Approval | None:
        """The pending or expired approval of a thread."""
        found = super().unanswered(thread_id)
        if found and fault("interrupt_never_expires"):
            return replace(found, expired=False)
        if found and found.expired and fault("late_answer_is_no_pending"):
            return None
        return found

    def answer(self, interrupt_id: str, *, approved: bool) -> None:
        """Note the decision."""
        if not fault("answered_stays_pending"):
            super().answer(interrupt_id, approved=approved)


class FaultyOrders(Orders):
    """Orders."""

    def cancel(self, order_id: str) -> bool:
        """Cancel an order."""
        done = super().cancel(order_id)
        if done and fault("executes_twice"):
            self._database.execute(
                "UPDATE orders SET executions = executions + 1 WHERE order_id = ?", (order_id,)
            )
        return done


class FaultyRate(RateLimit):
    """The rate limit."""

    def __init__(self, rate: Rate) -> None:
        more = 1 if fault("rate_off_by_one") else 0
        super().__init__(Rate(rate.messages + more, rate.seconds))

    def admit(self, thread_id: str) -> bool:
        """Whether the thread may send one more message."""
        if fault("rate_never"):
            return True
        return super().admit(SPEAKING.get() if fault("rate_over_all_threads") else thread_id)


class FaultyThreads(Threads):
    """The locks of threads."""

    @asynccontextmanager
    async def hold(self, thread_id: str) -> AsyncIterator[None]:
        """Wait for the thread's lock, and hold it."""
        if fault("turns_overlap"):
            yield
            return
        async with super().hold(thread_id):
            yield
