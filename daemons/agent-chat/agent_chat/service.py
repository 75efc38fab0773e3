"""The parts of the backend, put together.

Each part is made by the attribute that names its class, so that a variation of
the backend is a subclass that names other ones.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import ClassVar

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agent_chat import database
from agent_chat.approvals import Approvals
from agent_chat.connection import Connection
from agent_chat.graph import Graph, Nodes, build
from agent_chat.model import Model
from agent_chat.options import Options
from agent_chat.orders import Orders
from agent_chat.rate import RateLimit
from agent_chat.sessions import Sessions
from agent_chat.threads import Threads
from agent_chat.turns import Turns

_log = logging.getLogger("agent_chat")


class Service:
    """A running backend, without its sockets."""

    sessions_type: ClassVar[type[Sessions]] = Sessions
    approvals_type: ClassVar[type[Approvals]] = Approvals
    orders_type: ClassVar[type[Orders]] = Orders
    rate_type: ClassVar[type[RateLimit]] = RateLimit
    threads_type: ClassVar[type[Threads]] = Threads
    model_type: ClassVar[type[Model]] = Model
    nodes_type: ClassVar[type[Nodes]] = Nodes
    turns_type: ClassVar[type[Turns]] = Turns
    connection_type: ClassVar[type[Connection]] = Connection

    graph: Graph
    """There while the service is open."""

    def __init__(self, options: Options) -> None:
        """Make the folder and open the database in it. Raises OSError, sqlite3.Error."""
        self.options = options
        options.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._database = database.connect(options.data / "support.sqlite")
        self.sessions = self.sessions_type(self._database, options.session_ttl)
        self.approvals = self.approvals_type(self._database, options.interrupt_ttl)
        self.orders = self.orders_type(self._database)
        self.rate = self.rate_type(options.rate)
        self.threads = self.threads_type()
        self.turns = self.turns_type(self)
        self.connections: set[Connection] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """While it is open, turns can be played."""
        model = self.model_type(self.options)
        checkpoints = str(self.options.data / "checkpoints.sqlite")
        async with AsyncSqliteSaver.from_conn_string(checkpoints) as saver:
            await saver.setup()
            await saver.conn.execute("PRAGMA synchronous=NORMAL")
            self.graph = build(self.nodes_type(model, self.orders), saver)
            purge = asyncio.create_task(self._purge_for_ever())
            try:
                yield
            finally:
                purge.cancel()
                with suppress(asyncio.CancelledError):
                    await purge
                await model.close()
                self._database.close()

    def admits(self, key: str | None) -> bool:
        """Whether this key opens the backend, or none is needed."""
        needed = self.options.api_key
        return needed is None or hmac.compare_digest((key or "").encode(), needed.encode())

    async def close_connections(self, code: int) -> None:
        """End every client's turns and close its socket."""
        await asyncio.gather(*(each.close(code) for each in list(self.connections)))

    def purge(self) -> None:
        """Forget what nobody will ask for again."""
        self.approvals.purge(grace=self.options.purge_interval)
        self.rate.purge()

    async def _purge_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.options.purge_interval)
            try:
                self.purge()
            except Exception:
                _log.exception("purging failed; it is tried again")
