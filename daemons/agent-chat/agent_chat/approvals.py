"""Approvals: the actions that wait, or waited, for somebody's yes or no.

A thread has at most one that is pending. It is answered once, or expires. The
answer is kept just as it came, so that it can be shown what was decided.
Records that expired long ago are purged; for a while they are kept, so that
whoever answers a little late is told so and can ask again.
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
    """One action and what was decided."""

    interrupt_id: str
    thread_id: str
    action: str
    params: dict[str, Any]
    expires_at: float
    """Seconds since 1970."""
    approved: bool | None
    """None: not answered."""
    expired: bool
    """Nobody answered in time."""


class Approvals:
    """All of them, in the database."""

    def __init__(
        self, database: sqlite3.Connection, ttl: float, clock: Callable[[], float] = time.time
    ) -> None:
        """ttl: seconds an answer may take."""
        self._database = database
        self._ttl = ttl
        self._clock = clock

    def ask(
        self, interrupt_id: str, thread_id: str, action: str, params: dict[str, Any]
    ) -> Approval:
        """An action waits from now on."""
        expires = self._clock() + self._ttl
        self.drop(thread_id)
        self._database.execute(
            "INSERT INTO approvals VALUES (?, ?, ?, ?, ?, NULL)",
            (interrupt_id, thread_id, action, json.dumps(params), expires),
        )
        return Approval(interrupt_id, thread_id, action, params, expires, None, expired=False)

    def unanswered(self, thread_id: str) -> Approval | None:
        """The one that waits for an answer, or did until it expired."""
        rows = self._database.execute(
            "SELECT * FROM approvals WHERE thread_id = ? AND approved IS NULL", (thread_id,)
        )
        row = rows.fetchone()
        return None if row is None else self._approval(row)

    def answer(self, interrupt_id: str, *, approved: bool) -> None:
        """It was answered; from here on it is not pending."""
        self._database.execute(
            "UPDATE approvals SET approved = ? WHERE interrupt_id = ?",
            (json.dumps(approved), interrupt_id),
        )

    def drop(self, thread_id: str) -> None:
        """Forget what the thread waited for."""
        self._database.execute(
            "DELETE FROM approvals WHERE thread_id = ? AND approved IS NULL", (thread_id,)
        )

    def of(self, thread_id: str) -> list[Approval]:
        """Everything that was ever asked in this thread and not purged, in order."""
        rows = self._database.execute(
            "SELECT * FROM approvals WHERE thread_id = ? ORDER BY rowid", (thread_id,)
        )
        return [self._approval(row) for row in rows]

    def purge(self, *, grace: float) -> int:
        """Forget those that expired more than `grace` seconds ago; how many these were."""
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
