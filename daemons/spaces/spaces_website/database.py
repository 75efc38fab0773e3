"""The database: one SQLite file, used by the thread of the event loop only.

Each operation is one short transaction without an `await`. The data that it reads is
therefore still valid when it writes: quotas are counted exactly, and a request goes to
one app only. The database needs no lock for that. A commit to the write-ahead log takes a
fraction of a millisecond. It survives the end of the process, but not a power failure.
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
        # Rows stay readable after their transaction.
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """A transaction. It commits at the end, and an exception rolls it back."""
        with self._sessions.begin() as session:
            yield session

    def close(self) -> None:
        """Close the file."""
        self._engine.dispose()


def _prepare(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
