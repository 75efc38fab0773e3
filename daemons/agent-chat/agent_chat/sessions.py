"""Sessions: one for each thread, with a clock that each accepted message resets.

A session expires if its time to live passes without an accepted message. It stays
expired: its row is kept, so the same id does not become a new session. A pending
approval extends the session until the approval expires. Times come from the wall clock,
because they must be valid after a restart.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """A session. Times in seconds since 1970."""

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
        """ttl: seconds. With 0 a session is expired at its second message."""
        self._database = database
        self._ttl = ttl
        self._clock = clock

    def expired(self, thread_id: str) -> bool:
        """Whether the session has expired. An unknown thread has not expired."""
        session = self.find(thread_id)
        return session is not None and session.expired

    def touch(self, thread_id: str) -> None:
        """Record an accepted message: create the session or reset its clock."""
        self._database.execute(
            "INSERT INTO sessions VALUES (:id, :now, :now, 1) ON CONFLICT (thread_id)"
            " DO UPDATE SET active_at = max(active_at, :now), messages = messages + 1",
            {"id": thread_id, "now": self._clock()},
        )

    def extend(self, thread_id: str, until: float) -> None:
        """Set the session's clock to `until`, which is in the future during an approval."""
        self._database.execute(
            "UPDATE sessions SET active_at = ? WHERE thread_id = ?", (until, thread_id)
        )

    def resume(self, thread_id: str) -> None:
        """Set the session's clock to the current time, after the answer to an approval."""
        self.extend(thread_id, self._clock())

    def find(self, thread_id: str) -> Session | None:
        """The session of this thread."""
        rows = self._database.execute("SELECT * FROM sessions WHERE thread_id = ?", (thread_id,))
        row = rows.fetchone()
        return None if row is None else self._session(row)

    def count(self) -> int:
        """The number of sessions."""
        return int(self._database.execute("SELECT count(*) FROM sessions").fetchone()[0])

    def newest(self, *, skip: int, limit: int) -> list[Session]:
        """A page of sessions, the newest first."""
        rows = self._database.execute(
            "SELECT * FROM sessions ORDER BY created_at DESC, thread_id LIMIT ? OFFSET ?",
            (limit, skip),
        )
        return [self._session(row) for row in rows]

    def _session(self, row: sqlite3.Row) -> Session:
        expired = self._clock() - row["active_at"] >= self._ttl
        return Session(**dict(row), expired=expired)
