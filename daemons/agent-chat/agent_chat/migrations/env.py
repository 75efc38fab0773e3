"""Alembic's entry point: it runs the migrations against one SQLite file.

The program passes the file. On the command line it is `alembic -x data=DIR upgrade head`.
"""

from __future__ import annotations

from pathlib import Path

from alembic import context
from sqlalchemy import NullPool, create_engine


def database() -> Path:
    """The file to upgrade."""
    path = context.config.attributes.get("path")
    if path is None:
        folder = context.get_x_argument(as_dictionary=True).get("data", "agent-chat-data")
        path = Path(folder) / "support.sqlite"
    return Path(path)


engine = create_engine(f"sqlite:///{database()}", poolclass=NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
