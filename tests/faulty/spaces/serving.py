"""Apps and their requests, with faults."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

from spaces_website.broker import Broker, Connection, Refused
from spaces_website.farewell import Farewell
from spaces_website.sockets import Sockets
from spaces_website.tables import Request, Space
from starlette.types import Scope
from switch import fault


class FaultyBroker(Broker):
    """Gives requests to apps, and takes their results."""

    async def register(self, socket: str, payload: object) -> None:
        """Let a socket serve a space."""
        if fault("strange_payload_unanswered") and not isinstance(payload, dict):
            return
        space = self._choose(socket, payload)
        if not isinstance(space, Refused):
            app = self._by_space.get(space.id)
            if fault("newcomer_takes_over") and app is not None and app.socket != socket:
                await self._wire.disconnect(app.socket)
            if fault("two_spaces_a_socket"):
                self._by_socket.pop(socket, None)
            if fault("requests_before_answer") and app is None:
                early = Connection(str(uuid.uuid4()), socket, space, self._clock.now())
                self._by_space[space.id] = self._by_socket[socket] = early
                await super()._give_all(early)
        await super().register(socket, payload)

    def report(self, socket: str, payload: object) -> str | None:
        """Take an app's report."""
        if fault("any_socket_reports") and isinstance(payload, dict):
            fields = [payload.get(name) for name in ("request_id", "status", "result")]
            return self._ledger.report(fields[0], "anybody", fields[1], fields[2])
        refused = super().report(socket, payload)
        if refused == "no request has this id" and fault("unknown_request_disconnects"):
            self._tasks = asyncio.ensure_future(self._wire.disconnect(socket))
        return refused

    def left(self, socket: str) -> None:
        """Note that a socket has ended."""
        if fault("space_never_freed"):
            return
        super().left(socket)

    def _choose(self, socket: str, payload: object) -> Space | Refused:
        chosen = super()._choose(socket, payload)
        if isinstance(chosen, Refused):
            if fault("unknown_stays") and "not found" in chosen.message:
                return replace(chosen, disconnect=False)
            if fault("unnamed_disconnected") and "required" in chosen.message:
                return replace(chosen, disconnect=True)
            if fault("two_spaces_a_socket") and "already serves" in chosen.message:
                return self._catalog.named(payload["space_name"])[0]  # type: ignore[index]
        return chosen

    async def _refuse(self, socket: str, refusal: Refused) -> None:
        if fault("newcomer_stays") and "already has" in refusal.message:
            refusal = replace(refusal, disconnect=False)
        await super()._refuse(socket, refusal)

    async def _give_all(self, app: Connection) -> None:
        if fault("returns_unnoticed") and app.socket not in self._greeted:
            self._greeted.add(app.socket)
            return
        await super()._give_all(app)

    def _as_sent(self, request: Request) -> dict[str, Any]:
        sent = super()._as_sent(request)
        if fault("prompt_tidied"):
            sent["payload"] = sent["payload"] | {"prompt": sent["payload"]["prompt"].strip()}
        if fault("audio_dropped"):
            sent["payload"] = sent["payload"] | {"audio": ""}
        return sent

    _greeted: set[str] = set()  # noqa: RUF012 - one broker a process


class FaultySockets(Sockets):
    """The Socket.IO server."""

    _count = 0

    def __init__(self, *, ping_interval: float, ping_timeout: float) -> None:
        interval = 3600.0 if fault("broken_frame_holds_space") else ping_interval
        patience = 3600.0 if fault("silence_tolerated") else ping_timeout
        super().__init__(ping_interval=interval, ping_timeout=patience)
        if fault("websocket_only"):
            self._server.eio.transports = ["websocket"]

    async def emit(self, event: str, data: dict[str, Any], socket: str) -> None:
        """Send one event."""
        if event == "register_response" and data.get("success") and fault("connection_id_reused"):
            data = data | {"connection_id": data["space_id"]}
        if event == "register_response" and fault("space_id_untold"):
            data = {name: value for name, value in data.items() if name != "space_id"}
        if event != "inference_request":
            await super().emit(event, data, socket)
            return
        if fault("canned"):
            return
        if fault("order_lost"):
            self._count += 1
            asyncio.get_running_loop().call_later(
                0.05 * (self._count % 2),
                lambda: asyncio.ensure_future(Sockets.emit(self, event, data, socket)),
            )
            return
        if fault("given_to_all"):
            await self._server.emit(event, data)
            return
        await super().emit(event, data, socket)
        if fault("given_twice"):
            await super().emit(event, data, socket)

    async def abandon(self, scope: Scope) -> None:
        """Close the session of a connection whose handler failed."""
        if not fault("broken_frame_holds_space"):
            await super().abandon(scope)


class FaultyFarewell(Farewell):
    """The end of connections."""

    async def say(self) -> None:
        """Close the open connections."""
        if not fault("stops_as_uvicorn"):
            await super().say()
