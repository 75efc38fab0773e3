"""The first schema. It also adopts databases from before the schema had versions."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables that do not exist."""
    op.execute(
        "CREATE TABLE IF NOT EXISTS sessions ("
        " thread_id TEXT PRIMARY KEY,"
        " created_at REAL NOT NULL,"
        " active_at REAL NOT NULL,"
        " messages INTEGER NOT NULL)"
    )
    op.execute(
        "CREATE TABLE IF NOT EXISTS approvals ("
        " interrupt_id TEXT PRIMARY KEY,"
        " thread_id TEXT NOT NULL,"
        " action TEXT NOT NULL,"
        " params TEXT NOT NULL,"
        " expires_at REAL NOT NULL,"
        " approved TEXT)"
    )
    op.execute("CREATE INDEX IF NOT EXISTS approvals_by_thread ON approvals (thread_id)")
    op.execute(
        "CREATE TABLE IF NOT EXISTS orders ("
        " order_id TEXT PRIMARY KEY,"
        " status TEXT NOT NULL,"
        " executions INTEGER NOT NULL DEFAULT 0)"
    )


def downgrade() -> None:
    """Drop all tables."""
    for table in ("orders", "approvals", "sessions"):
        op.execute(f"DROP TABLE {table}")
