"""Approvals: the actions that need a customer's decision.

A thread has at most one pending approval. The customer answers it once, or it expires.
The answer is stored unchanged. Records that expired some time ago are purged. Until
then, a late answer gets the message that the approval has expired.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Approval:
    """One action and the decision."""

    interrupt_id: str
    thread_id: str
    action: str
    params: dict[str, Any]
    expires_at: float
    """Seconds since 1970."""
    approved: bool | None
    """The answer. None: the customer has not answered."""
    expired: bool
    """Whether its time passed without an answer."""


class Approvals:
    """The approvals of all threads, in the database."""

    def __init__(
        self, database: sqlite3.Connection, ttl: float, clock: Callable[[], float] = time.time
    ) -> None:
        """ttl: seconds from the request for an approval until it expires."""
        self._database = database
        self._ttl = ttl
        self._clock = clock

    def ask(
        self, interrupt_id: str, thread_id: str, action: str, params: dict[str, Any]
    ) -> Approval:
        """Add a pending approval. It replaces the thread's unanswered one."""
        expires = self._clock() + self._ttl
        self.drop(thread_id)
        self._database.execute(
            "INSERT INTO approvals VALUES (?, ?, ?, ?, ?, NULL)",
            (interrupt_id, thread_id, action, json.dumps(params), expires),
        )
        return Approval(interrupt_id, thread_id, action, params, expires, None, expired=False)

    def unanswered(self, thread_id: str) -> Approval | None:
        """The thread's approval without an answer, pending or expired."""
        rows = self._database.execute(
            "SELECT * FROM approvals WHERE thread_id = ? AND approved IS NULL", (thread_id,)
        )
        row = rows.fetchone()
        return None if row is None else self._approval(row)

    def answer(self, interrupt_id: str, *, approved: bool) -> None:
        """Record the answer. The approval is then not pending any more."""
        self._database.execute(
            "UPDATE approvals SET approved = ? WHERE interrupt_id = ?",
            (json.dumps(approved), interrupt_id),
        )

    def drop(self, thread_id: str) -> None:
        """Delete the thread's approval without an answer."""
        self._database.execute(
            "DELETE FROM approvals WHERE thread_id = ? AND approved IS NULL", (thread_id,)
        )

    def of(self, thread_id: str) -> list[Approval]:
        """All approvals of the thread that were not purged, in order."""
        rows = self._database.execute(
            "SELECT * FROM approvals WHERE thread_id = ? ORDER BY rowid", (thread_id,)
        )
        return [self._approval(row) for row in rows]

    def purge(self, *, grace: float) -> int:
        """Delete the ones that expired more than `grace` seconds ago and return their number."""
        return self._database.execute(
            "DELETE FROM approvals WHERE approved IS NULL AND expires_at <= ?",
            (self._clock() - grace,),
        ).rowcount

    def _approval(self, row: sqlite3.Row) -> Approval:
        approved = None if row["approved"] is None else json.loads(row["approved"])
        return Approval(
            row["interrupt_id"],
            row["thread_id"],
            row["action"],
            json.loads(row["params"]),
            row["expires_at"],
            approved,
            expired=approved is None and self._clock() >= row["expires_at"],
        )
