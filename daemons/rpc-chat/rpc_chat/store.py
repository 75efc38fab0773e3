"""The database: sessions with their messages, lore and named stages, in SQLite.

Statements take microseconds and run on the event loop. The engine writes before the
first chunk of an answer and after its last chunk, not during the stream.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from rpc_chat.frames import whole
from rpc_chat.stage import Stage

UNTITLED = "New session"

TITLE = 60
"""Length of a session's title in characters. The title is the first answered prompt."""

SHOWN = 50
"""Number of messages that a continued session shows and that the model receives."""

LISTED = 15
"""Number of sessions that sync_state lists."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, world_id TEXT NOT NULL, character_id TEXT NOT NULL,
    model TEXT NOT NULL, title TEXT NOT NULL, used INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,
    role TEXT NOT NULL, content TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_of ON messages (session_id, id);
CREATE TABLE IF NOT EXISTS lore (world_id TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS stages (
    name TEXT PRIMARY KEY, world_id TEXT NOT NULL, character_id TEXT NOT NULL,
    model TEXT NOT NULL, model_confirmed INTEGER NOT NULL, rules TEXT NOT NULL);
"""

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation with its world, character and model."""

    id: str
    world_id: str
    character_id: str
    model: str
    title: str

    def row(self) -> dict[str, str]:
        """The session's entry in sync_state."""
        return {"id": self.id, "name": f"[{self.world_id}] {self.character_id}: {self.title[:30]}"}


class Store:
    """The database."""

    def __init__(self, folder: Path) -> None:
        """Open the database. Raises OSError if the folder cannot be created."""
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(folder / "rpc-chat.db", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("PRAGMA foreign_keys = ON")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    # Sessions

    def begin(self, stage: Stage, start: str) -> str:
        """Add a session with this stage and its first message, and return its id."""
        session_id = secrets.token_hex(6)
        self._database.execute(
            "INSERT INTO sessions SELECT ?, ?, ?, ?, ?, coalesce(max(used), 0) + 1 FROM sessions",
            (session_id, stage.world_id, stage.character_id, stage.model, UNTITLED),
        )
        if start:
            self.say(session_id, "assistant", start)
        return session_id

    def find(self, session_id: str) -> Session | None:
        """The session with this id."""
        row = self._database.execute(
            "SELECT id, world_id, character_id, model, title FROM sessions WHERE id = ?",
            (session_id,),
        ).fetchone()
        return Session(*row) if row else None

    def sessions(self) -> list[Session]:
        """The sessions that were used last, the newest use first."""
        rows = self._database.execute(
            "SELECT id, world_id, character_id, model, title FROM sessions"
            " ORDER BY used DESC LIMIT ?",
            (LISTED,),
        )
        return [Session(*row) for row in rows]

    def use(self, session_id: str, *, model: str | None = None) -> None:
        """Record that a session was used, and its model if it has changed."""
        self._database.execute(
            "UPDATE sessions SET used = (SELECT max(used) + 1 FROM sessions),"
            " model = coalesce(?, model) WHERE id = ?",
            (model, session_id),
        )

    def delete(self, session_id: str) -> None:
        """Delete a session and its messages."""
        self._database.execute("DELETE FROM sessions WHERE id = ?", (session_id,))

    def delete_unused(self, session_id: str) -> None:
        """Delete a session that has no prompt."""
        self._database.execute(
            "DELETE FROM sessions WHERE id = ? AND NOT EXISTS"
            " (SELECT 1 FROM messages WHERE session_id = sessions.id AND role = 'user')",
            (session_id,),
        )

    # Messages

    def say(self, session_id: str, role: str, content: str) -> None:
        """Add a message to a session. A session that was deleted in the meantime stays deleted."""
        self._database.execute(
            "INSERT INTO messages (session_id, role, content)"
            " SELECT id, ?, ? FROM sessions WHERE id = ?",
            (role, whole(content), session_id),
        )

    def history(self, session_id: str) -> list[Message]:
        """The last messages of a session, oldest first."""
        rows = self._database.execute(
            "SELECT role, content FROM messages WHERE session_id = ? ORDER BY id DESC LIMIT ?",
            (session_id, SHOWN),
        ).fetchall()
        return [{"role": role, "content": content} for role, content in reversed(rows)]

    def entitle(self, session_id: str, prompt: str) -> None:
        """Give a session without a title its first answered prompt as title."""
        title = prompt if len(prompt) <= TITLE else f"{prompt[:TITLE]}…"
        self._database.execute(
            "UPDATE sessions SET title = ? WHERE id = ? AND title = ?",
            (title, session_id, UNTITLED),
        )

    # Lore

    def attach(self, world_id: str, text: str) -> None:
        """Add a text to a world's lore."""
        self._database.execute("INSERT INTO lore VALUES (?, ?)", (world_id, text))

    def lore(self, world_id: str) -> list[str]:
        """The lore of a world, oldest first."""
        rows = self._database.execute("SELECT text FROM lore WHERE world_id = ?", (world_id,))
        return [text for (text,) in rows]

    # Stages

    def keep(self, stage: Stage) -> None:
        """Save a stage that has a name. Its session is not saved."""
        if stage.name:
            self._database.execute(
                "INSERT OR REPLACE INTO stages VALUES (?, ?, ?, ?, ?, ?)",
                (
                    stage.name,
                    stage.world_id,
                    stage.character_id,
                    stage.model,
                    stage.model_confirmed,
                    json.dumps(stage.rules),
                ),
            )

    def stage(self, name: str, model: str) -> Stage:
        """The saved stage with this name, or a new one."""
        row = self._database.execute(
            "SELECT world_id, character_id, model, model_confirmed, rules FROM stages"
            " WHERE name = ?",
            (name,),
        ).fetchone()
        if row is None:
            return Stage(model, name)
        world_id, character_id, kept, confirmed, rules = row
        return Stage(kept, name, world_id, character_id, "", bool(confirmed), json.loads(rules))
