"""The database of sessions, approvals and orders, and its versioned schema.

Statements run on the event loop. Each one touches a row or two of a local file in WAL
mode, which takes less time than a thread switch. The graph's checkpoints are larger
and have a file and a thread of their own.

Alembic creates and upgrades the tables (agent_chat/migrations). `migrate` asks SQLite
for the version first, because importing Alembic takes half a second.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"
HEAD = "0001"
"""The newest version in agent_chat/migrations/versions."""


class NewerDatabaseError(Exception):
    """A newer program has written the database."""


def migrate(path: Path) -> None:
    """Create the tables or upgrade them. Raises sqlite3.Error and NewerDatabaseError."""
    version = _version(path)
    if version == HEAD:
        return
    if version is not None and version > HEAD:
        raise NewerDatabaseError(f"its version is {version}, this program knows {HEAD}")
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    settings = Config(attributes={"path": path})
    settings.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(settings, "head")


def connect(path: Path) -> sqlite3.Connection:
    """Open the database. Each statement is a transaction of its own.

    One thread at a time may use the connection. It need not be the thread that opened it.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    return connection


def _version(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as connection:
        table = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        if connection.execute(table).fetchone() is None:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])
