"""The broker: it knows each space's app and passes requests and results between them.

A socket that has registered for a space is that space's app. The broker sends it all
waiting requests at once, in their order. The app decides how many it processes at a
time. Three events make a request ready: it arrives, its app returns, or the website
restarts. All of them call `offer`, which sends until the queue is empty. A lock for each
space keeps the order of the queue. A registration is answered under the same lock, so
an app receives the answer before the first request.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from spaces_website.catalog import Catalog
from spaces_website.clock import Clock
from spaces_website.ledger import Ledger, Place
from spaces_website.tables import Request, Space

log = logging.getLogger(__name__)


class Wire(Protocol):
    """The interface to the sockets."""

    async def emit(self, event: str, data: dict[str, Any], socket: str) -> None:
        """Send one event."""

    def connected(self, socket: str) -> bool:
        """Whether the socket is still connected."""

    async def disconnect(self, socket: str) -> None:
        """Close the socket's connection after the events that were sent before."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An app that serves a space."""

    id: str
    socket: str
    space: Space
    connected_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """A registration that failed."""

    message: str
    disconnect: bool = False
    """Whether the broker closes the socket."""


class Broker:
    """The connected apps of all spaces."""

    def __init__(self, catalog: Catalog, ledger: Ledger, clock: Clock, wire: Wire) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._clock = clock
        self._wire = wire
        self._by_space: dict[str, Connection] = {}
        self._by_socket: dict[str, Connection] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def connection(self, space_id: str) -> Connection | None:
        """The app of this space."""
        return self._by_space.get(space_id)

    def connections(self) -> list[Connection]:
        """All apps, in the order of their registration."""
        return list(self._by_space.values())

    def queue(self, space_id: str) -> Sequence[Place]:
        """The space's queue."""
        return self.queues([space_id])[space_id]

    def queues(self, spaces: Iterable[str]) -> Mapping[str, Sequence[Place]]:
        """The queues of these spaces."""
        apps = {space: self.connection(space) for space in spaces}
        return self._ledger.queues({space: app.id if app else None for space, app in apps.items()})

    async def register(self, socket: str, payload: object) -> None:
        """Register a socket for a space, or refuse it with the reason."""
        space = self._choose(socket, payload)
        if isinstance(space, Refused):
            await self._refuse(socket, space)
            return
        async with self._turns[space.id]:
            app = self._by_space.get(space.id)
            if app is not None and app.socket != socket:
                await self._refuse(
                    socket, Refused("Space already has a connected app", disconnect=True)
                )
                return
            if not self._wire.connected(socket) or (app is None and socket in self._by_socket):
                return  # the socket left, or registered for another space, meanwhile
            if app is None:
                app = Connection(str(uuid.uuid4()), socket, space, self._clock.now())
                self._by_space[space.id] = self._by_socket[socket] = app
                log.info("space %s: app %s connected", space.id, app.id)
            answer = {
                "success": True,
                "message": f'Successfully connected to space "{space.name}"',
                "connection_id": app.id,
                "space_id": space.id,
            }
            await self._wire.emit("register_response", answer, socket)
            await self._give_all(app)

    async def offer(self, space_id: str) -> None:
        """Send all waiting requests to the space's app."""
        async with self._turns[space_id]:
            app = self._by_space.get(space_id)
            if app is not None:
                await self._give_all(app)

    def report(self, socket: str, payload: object) -> str | None:
        """Record an app's report, or return the reason why it is ignored."""
        app = self._by_socket.get(socket)
        if app is None:
            return "expected a registered socket, found another one"
        if not isinstance(payload, dict):
            return f"expected an object, found {type(payload).__name__}"
        return self._ledger.report(
            payload.get("request_id"), app.id, payload.get("status"), payload.get("result")
        )

    def left(self, socket: str) -> None:
        """Remove a closed socket. The app's unfinished requests wait for the next app."""
        app = self._by_socket.pop(socket, None)
        if app is None:
            return
        del self._by_space[app.space.id]
        requeued = self._ledger.release(app.id)
        log.info("space %s: app %s left, %d requeued", app.space.id, app.id, requeued)

    def _choose(self, socket: str, payload: object) -> Space | Refused:
        """The space of a registration, or the refusal."""
        if not isinstance(payload, dict):
            return Refused(f"Server error: expected an object, found {type(payload).__name__}")
        name = payload.get("space_name")
        if name is None or name == "":
            return Refused("space_name is required")
        if not isinstance(name, str):
            return Refused(
                f"Server error: space_name: expected a string, found {type(name).__name__}"
            )
        spaces = self._catalog.named(name)
        served = self._by_socket.get(socket)
        if served is not None:
            if served.space.id in {space.id for space in spaces}:
                return served.space
            return Refused(f'This socket already serves space "{served.space.name}"')
        if len(spaces) > 1:
            return Refused(
                f'Multiple spaces with name "{name}" found. Please use unique space names.',
                disconnect=True,
            )
        if not spaces:
            return Refused(f'Space "{name}" not found or is not a WebSocket space', disconnect=True)
        return spaces[0]

    async def _refuse(self, socket: str, refusal: Refused) -> None:
        answer = {"success": False, "message": refusal.message}
        await self._wire.emit("register_response", answer, socket)
        if refusal.disconnect:
            await self._wire.disconnect(socket)

    async def _give_all(self, app: Connection) -> None:
        while self._by_space.get(app.space.id) is app:
            request = self._ledger.give(app.space.id, app.id)
            if request is None:
                return
            await self._wire.emit("inference_request", self._as_sent(request), app.socket)

    def _as_sent(self, request: Request) -> dict[str, Any]:
        """A request in the form that its app receives."""
        return {
            "request_id": request.id,
            "username": request.username,
            "payload": request.payload,
        }
