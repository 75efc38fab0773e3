"""Socket.IO over HTTP long polling, for a remote app without a WebSocket.

A GET waits for packets of the website; a POST sends packets. The packets are
those of socketio.py, with a record separator between them.
"""

from __future__ import annotations

from conformance.core.quoting import excerpt
from conformance.profiles.spaces.socketio import (
    ACK,
    CLOSE,
    CONNECT,
    EVENT,
    OPEN,
    PING,
    PONG,
    Packet,
    decode,
    encode,
)
from conformance.profiles.spaces.user import Space
from conformance.profiles.websocket.http_user import HttpUser

SEPARATOR = "\x1e"


class Polling:
    """A connection in the default namespace."""

    def __init__(self, user: HttpUser) -> None:
        self.session = ""
        """The Engine.IO session's id."""
        self._user = user
        self._address = "/socket.io/?EIO=4&transport=polling"
        self._untaken: list[Packet] = []

    async def open(self) -> None:
        """Begin a session, and connect to the default namespace. Raises ScenarioStopped."""
        opened = await self._next(OPEN)
        self.session = str(opened.data.get("sid")) if isinstance(opened.data, dict) else ""
        self._address += f"&sid={self.session}"
        await self.send(CONNECT)
        await self._next(CONNECT)

    async def send(self, kind: str, data: object = None, *, number: int | None = None) -> None:
        """Send a packet. Raises ScenarioStopped."""
        content = encode(kind, data, number=number).encode()
        headers = {"Content-Type": "text/plain;charset=UTF-8"}
        reply = await self._user.post(self._address, content=content, headers=headers)
        self._user.require(
            reply.status == 200, "send", expected="200 to a packet", actual=reply, clause="SP35"
        )

    async def serve(self, space: Space) -> None:
        """Register for a space, which must succeed. Raises ScenarioStopped."""
        await self.send(EVENT, ["register", {"space_name": space.name}])
        data = (await self._next(EVENT)).data
        match data:
            case ["register_response", {"success": True}]:
                registered = True
            case _:
                registered = False
        expected = "a register_response with success: true"
        self._require(registered, expected, data, clause="SP1")

    async def receives(self, request: str) -> None:
        """Check that the next event is this request. Raises ScenarioStopped."""
        data = (await self._next(EVENT)).data
        match data:
            case ["inference_request", {"request_id": str(received)}]:
                right = received == request
            case _:
                right = False
        self._require(right, f"the request {request}", data, clause="SP13")

    async def acknowledged(self, number: int) -> None:
        """Wait for an acknowledgement. Raises ScenarioStopped."""
        packet = await self._next(ACK)
        self._require(packet.number == number, f"the acknowledgement {number}", packet)

    async def leave(self) -> None:
        """Close the session."""
        await self.send(CLOSE)

    async def _next(self, kind: str) -> Packet:
        """The next packet, which must be of this kind; pings are answered."""
        while True:
            while self._untaken:
                packet = self._untaken.pop(0)
                if packet.kind == PING:
                    await self.send(PONG)
                    continue
                # An event in place of another packet belongs to another app, or arrives twice.
                clause = "SP13" if packet.kind == EVENT else "SP35"
                expected = f"a packet {kind!r} of Engine.IO 4 and Socket.IO 5"
                self._require(packet.kind == kind, expected, packet, clause=clause)
                return packet
            reply = await self._user.get(self._address)
            try:
                self._untaken = [decode(text) for text in reply.text.split(SEPARATOR)]
            except ValueError:
                self._untaken = []
            self._user.require(
                reply.status == 200 and bool(self._untaken),
                "poll",
                expected="200 with packets of Engine.IO 4",
                actual=reply,
                clause="SP35",
            )

    def _require(self, holds: bool, expected: str, found: object, *, clause: str = "SP35") -> None:
        actual = excerpt(repr(found))
        self._user.require(holds, "poll", expected=expected, actual=actual, clause=clause)
