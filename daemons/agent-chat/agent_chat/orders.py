"""The shop's orders, which the tools read and change.

Orders 1000 to 9999 exist from the start, so that there are enough to try the backend.
The last digit decides the status: 3 is processing, 4 is delivered, the others are
shipped.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

_STAGES = {3: "processing", 4: "delivered"}


@dataclass(frozen=True, slots=True)
class Order:
    """One order."""

    order_id: str
    status: str
    """`processing`, `shipped`, `delivered` or `cancelled`."""
    executions: int
    """The number of actions that changed it."""


class Orders:
    """All orders, in the database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        if not database.execute("SELECT 1 FROM orders LIMIT 1").fetchone():
            every = ((str(n), _STAGES.get(n % 10, "shipped")) for n in range(1000, 10_000))
            database.execute("BEGIN")
            database.executemany("INSERT INTO orders (order_id, status) VALUES (?, ?)", every)
            database.execute("COMMIT")

    def find(self, order_id: str) -> Order | None:
        """The order with this number."""
        rows = self._database.execute("SELECT * FROM orders WHERE order_id = ?", (order_id,))
        row = rows.fetchone()
        return None if row is None else Order(*row)

    def cancel(self, order_id: str) -> bool:
        """Cancel an order. False if it is unknown, delivered or already cancelled."""
        done = self._database.execute(
            "UPDATE orders SET status = 'cancelled', executions = executions + 1"
            " WHERE order_id = ? AND status NOT IN ('delivered', 'cancelled')",
            (order_id,),
        )
        return done.rowcount == 1
