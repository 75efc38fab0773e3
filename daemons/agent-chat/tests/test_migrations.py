"""The versioned schema: new, old, current and newer databases."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from agent_chat import database
from agent_chat.sessions import Sessions
from alembic.config import Config
from alembic.script import ScriptDirectory
from conftest import PATIENCE, PROGRAM

FOLDER = Path(database.__file__).parents[1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "support.sqlite"


def run(path: Path, *statements: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        rows: list[tuple[object, ...]] = []
        for statement in statements:
            rows = connection.execute(statement).fetchall()
        return rows


def test_head_is_the_newest_migration() -> None:
    script = ScriptDirectory.from_config(Config(str(FOLDER / "alembic.ini")))
    assert script.get_heads() == [database.HEAD]


def test_a_new_database_gets_the_newest_schema(path: Path) -> None:
    for _ in range(2):
        database.migrate(path)
    assert run(path, "SELECT version_num FROM alembic_version") == [(database.HEAD,)]


def test_a_database_from_before_the_versions_keeps_its_rows(path: Path) -> None:
    run(
        path,
        "CREATE TABLE sessions (thread_id TEXT PRIMARY KEY, created_at REAL NOT NULL,"
        " active_at REAL NOT NULL, messages INTEGER NOT NULL)",
        "INSERT INTO sessions VALUES ('t', 1, 2, 3)",
    )
    database.migrate(path)
    with closing(database.connect(path)) as connection:
        session = Sessions(connection, 1800).find("t")
    assert session is not None
    assert session.messages == 3
    assert run(path, "SELECT count(*) FROM approvals") == [(0,)]


def test_a_newer_database_is_refused_and_not_changed(path: Path) -> None:
    database.migrate(path)
    run(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(database.NewerDatabaseError, match="9999"):
        database.migrate(path)
    process = subprocess.run(
        [sys.executable, *PROGRAM, "--data", str(path.parent)],
        env={"OPENAI_API_KEY": "sk"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert process.returncode == 2
    assert f"--data {path.parent} cannot be used: its version is 9999" in process.stderr
    assert "Traceback" not in process.stderr


def test_the_command_line_upgrades_and_downgrades(path: Path) -> None:
    def alembic(*arguments: str) -> None:
        command = [sys.executable, "-m", "alembic", "-x", f"data={path.parent}", *arguments]
        subprocess.run(command, cwd=FOLDER, check=True, timeout=PATIENCE)

    alembic("upgrade", "head")
    assert run(path, "SELECT count(*) FROM sessions") == [(0,)]
    alembic("downgrade", "base")
    tables = run(path, "SELECT name FROM sqlite_master WHERE type = 'table'")
    assert tables == [("alembic_version",)]
