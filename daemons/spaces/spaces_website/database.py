"""One SQLite file, used from the event loop's thread alone.

Each operation is one short transaction with no `await` inside, so what it
looked at is still true when it acts: quotas cannot be under-counted, and a
request cannot be given to two apps. There is no lock because there is nobody
to lock out. A commit to the write-ahead log without waiting for the disk
takes a fraction of a millisecond and outlives the process, not the power.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session, sessionmaker

from spaces_website.tables import Base


class Database:
    """The tables of one data folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._engine = create_engine(f"sqlite:///{folder / 'spaces.db'}")
        event.listen(self._engine, "connect", _prepare)
        Base.metadata.create_all(self._engine)
        # Rows outlive their transaction as plain values.
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A transaction: committed at the end, rolled back by an exception."""
        with self._sessions.begin() as session:
            yield session

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _prepare(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
