"""The database of sessions, approvals and orders.

Plain sqlite3 on the event loop: each statement touches a row or two of a
local file in WAL mode, which takes less time than handing it to a thread. The
graph's checkpoints are bigger and have a file and a thread of their own.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS sessions (
    thread_id TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    active_at REAL NOT NULL,
    messages INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS approvals (
    interrupt_id TEXT PRIMARY KEY,
    thread_id TEXT NOT NULL,
    action TEXT NOT NULL,
    params TEXT NOT NULL,
    expires_at REAL NOT NULL,
    approved TEXT
);
CREATE INDEX IF NOT EXISTS approvals_by_thread ON approvals (thread_id);
CREATE TABLE IF NOT EXISTS orders (
    order_id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    executions INTEGER NOT NULL DEFAULT 0
);
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open it, with its tables; every statement is a transaction."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.executescript(_TABLES)
    return connection
