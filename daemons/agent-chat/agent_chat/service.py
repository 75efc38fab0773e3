"""The service: all parts of the backend except its sockets.

A class attribute names the class of each part. A subclass can therefore replace a part.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from typing import ClassVar

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agent_chat import database
from agent_chat.approvals import Approvals
from agent_chat.connection import Connection
from agent_chat.graph import Graph, Nodes, build
from agent_chat.log import log
from agent_chat.model import Model
from agent_chat.options import Options
from agent_chat.orders import Orders
from agent_chat.rate import RateLimit
from agent_chat.sessions import Sessions
from agent_chat.threads import Threads
from agent_chat.turns import Turns


class Service:
    """A backend. Its parts exist while it is open."""

    sessions_type: ClassVar[type[Sessions]] = Sessions
    approvals_type: ClassVar[type[Approvals]] = Approvals
    orders_type: ClassVar[type[Orders]] = Orders
    rate_type: ClassVar[type[RateLimit]] = RateLimit
    threads_type: ClassVar[type[Threads]] = Threads
    model_type: ClassVar[type[Model]] = Model
    nodes_type: ClassVar[type[Nodes]] = Nodes
    turns_type: ClassVar[type[Turns]] = Turns
    connection_type: ClassVar[type[Connection]] = Connection

    sessions: Sessions
    approvals: Approvals
    orders: Orders
    rate: RateLimit
    threads: Threads
    turns: Turns
    graph: Graph

    def __init__(self, options: Options, *, graph: Graph | None = None) -> None:
        """Create the data folder and upgrade the database in it.

        graph: used instead of the service's own graph; tests pass one.
        Raises OSError, sqlite3.Error and database.NewerDatabaseError.
        """
        self.options = options
        options.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = options.data / "support.sqlite"
        database.migrate(self._path)
        self._given_graph = graph
        self.connections: set[Connection] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open the databases and the model in the thread of the event loop."""
        async with AsyncExitStack() as stack:
            connection = stack.enter_context(closing(database.connect(self._path)))
            self.sessions = self.sessions_type(connection, self.options.session_ttl)
            self.approvals = self.approvals_type(connection, self.options.interrupt_ttl)
            self.orders = self.orders_type(connection)
            self.rate = self.rate_type(self.options.rate)
            self.threads = self.threads_type()
            self.turns = self.turns_type(self)
            if self._given_graph is None:
                self.graph = await stack.enter_async_context(self._own_graph())
            else:
                self.graph = self._given_graph
            await stack.enter_async_context(self._purging())
            yield

    def admits(self, key: str | None) -> bool:
        """Whether this key opens the backend. A backend without a key is open."""
        needed = self.options.api_key
        return needed is None or hmac.compare_digest((key or "").encode(), needed.encode())

    async def close_connections(self, code: int) -> None:
        """End every client's turns and close its socket."""
        await asyncio.gather(*(connection.close(code) for connection in list(self.connections)))

    def purge(self) -> None:
        """Delete expired approvals and the rate windows of silent threads."""
        count = self.approvals.purge(grace=self.options.purge_interval)
        self.rate.purge()
        log.debug("purged", approvals=count)

    @asynccontextmanager
    async def _own_graph(self) -> AsyncIterator[Graph]:
        model = self.model_type(self.options)
        checkpoints = str(self.options.data / "checkpoints.sqlite")
        async with AsyncSqliteSaver.from_conn_string(checkpoints) as saver:
            await saver.setup()
            await saver.conn.execute("PRAGMA synchronous=NORMAL")
            try:
                yield build(self.nodes_type(model, self.orders), saver)
            finally:
                await model.close()

    @asynccontextmanager
    async def _purging(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._purge_regularly())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _purge_regularly(self) -> None:
        while True:
            await asyncio.sleep(self.options.purge_interval)
            try:
                self.purge()
            except Exception:
                log.exception("purge failed and will be repeated")
