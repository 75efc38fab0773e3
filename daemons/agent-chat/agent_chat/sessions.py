"""Sessions: one a thread, with a clock that every accepted message resets.

A session expires when nothing was accepted for its time to live, and stays
expired: its row is kept, so that the id is not taken for a new one. A pending
approval extends it: while somebody is asked to decide, the clock stands at the
moment when the approval expires, and runs from there. Times are the wall
clock's, because they must mean the same after a restart.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is listed. Times in seconds since 1970."""

    thread_id: str
    created_at: float
    active_at: float
    messages: int
    expired: bool


class Sessions:
    """All sessions, in the database."""

    def __init__(
        self, database: sqlite3.Connection, ttl: float, clock: Callable[[], float] = time.time
    ) -> None:
        """ttl: seconds; with 0 a session is expired from its second message on."""
        self._database = database
        self._ttl = ttl
        self._clock = clock

    def expired(self, thread_id: str) -> bool:
        """Whether it has expired; a thread that is unknown has not."""
        session = self.find(thread_id)
        return session is not None and session.expired

    def touch(self, thread_id: str) -> None:
        """A message was accepted: begin the session, or reset its clock."""
        self._database.execute(
            "INSERT INTO sessions VALUES (:id, :now, :now, 1) ON CONFLICT (thread_id)"
            " DO UPDATE SET active_at = max(active_at, :now), messages = messages + 1",
            {"id": thread_id, "now": self._clock()},
        )

    def extend(self, thread_id: str, until: float) -> None:
        """The session's clock stands at `until`, which lies ahead while an approval is pending."""
        self._database.execute(
            "UPDATE sessions SET active_at = ? WHERE thread_id = ?", (until, thread_id)
        )

    def resume(self, thread_id: str) -> None:
        """The approval was answered: the clock runs again, from now."""
        self.extend(thread_id, self._clock())

    def find(self, thread_id: str) -> Session | None:
        """The session of this thread."""
        rows = self._database.execute("SELECT * FROM sessions WHERE thread_id = ?", (thread_id,))
        row = rows.fetchone()
        return None if row is None else self._session(row)

    def count(self) -> int:
        """How many there are."""
        return int(self._database.execute("SELECT count(*) FROM sessions").fetchone()[0])

    def newest(self, *, skip: int, limit: int) -> list[Session]:
        """A page of them, those that began last first."""
        rows = self._database.execute(
            "SELECT * FROM sessions ORDER BY created_at DESC, thread_id LIMIT ? OFFSET ?",
            (limit, skip),
        )
        return [self._session(row) for row in rows]

    def _session(self, row: sqlite3.Row) -> Session:
        expired = self._clock() - row["active_at"] >= self._ttl
        return Session(**dict(row), expired=expired)
