"""The store with faults."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import rpc_chat.store
from rpc_chat.frames import whole
from rpc_chat.stage import Stage
from rpc_chat.store import Message, Session, Store
from switch import fault


class FaultyStore(Store):
    """The session database."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if fault("kept_in_memory"):
            self.close()
            self._database = sqlite3.connect(":memory:", isolation_level=None)
            self._database.execute("PRAGMA foreign_keys = ON")
            self._database.executescript(rpc_chat.store._SCHEMA)

    def begin(self, stage: Stage, start: str) -> str:
        """Begin a session."""
        if fault("start_message_lost"):
            start = ""
        session_id = super().begin(stage, start)
        if fault("session_ids_long"):
            longer = f"session-{session_id}"
            self._database.execute("PRAGMA foreign_keys = OFF")
            for table, key in (("sessions", "id"), ("messages", "session_id")):
                self._database.execute(
                    f"UPDATE {table} SET {key} = ? WHERE {key} = ?",  # noqa: S608
                    (longer, session_id),
                )
            return longer
        return session_id

    def sessions(self) -> list[Session]:
        """The sessions, the last used first."""
        found = super().sessions()
        return found[::-1] if fault("sessions_oldest_first") else found

    def use(self, session_id: str, *, model: str | None = None) -> None:
        """Note that a session was used."""
        if not fault("use_unnoted") or model:
            super().use(session_id, model=model)

    def history(self, session_id: str) -> list[Message]:
        """A session's messages."""
        found = super().history(session_id)
        if fault("history_newest_first"):
            return found[::-1]
        if fault("history_unlimited"):
            rows = self._database.execute(
                "SELECT role, content FROM messages WHERE session_id = ? ORDER BY id", (session_id,)
            )
            return [{"role": role, "content": content} for role, content in rows]
        return found

    def everything(self) -> list[Message]:
        """The messages of all sessions."""
        rows = self._database.execute(
            "SELECT role, content FROM messages ORDER BY id DESC LIMIT 50"
        )
        return [{"role": role, "content": whole(content)} for role, content in rows][::-1]
