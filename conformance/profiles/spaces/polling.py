"""Socket.IO over HTTP long polling, as a remote app speaks it that has no WebSocket.

A GET waits until the site has something to say; a POST says something. Packets
are those of socketio.py, several of them apart by a record separator.
"""

from __future__ import annotations

from conformance.core.finding import ScenarioStopped
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
from conformance.profiles.websocket.http_user import Person

SEPARATOR = "\x1e"


class Polling:
    """A connection in the default namespace; what goes wrong is a failed check of SP35."""

    def __init__(self, person: Person) -> None:
        self.session = ""
        """The Engine.IO session's id."""
        self._person = person
        self._address = "/socket.io/?EIO=4&transport=polling"
        self._untaken: list[Packet] = []

    async def open(self) -> None:
        """Begin a session, and connect to the default namespace. Raises ScenarioStopped."""
        opened = await self._until(OPEN)
        self.session = str(opened.data.get("sid")) if isinstance(opened.data, dict) else ""
        self._address += f"&sid={self.session}"
        await self.send(CONNECT)
        await self._until(CONNECT)

    async def send(self, kind: str, data: object = None, *, number: int | None = None) -> None:
        """Say something. Raises ScenarioStopped."""
        content = encode(kind, data, number=number).encode()
        headers = {"Content-Type": "text/plain;charset=UTF-8"}
        reply = await self._person.post(self._address, content=content, headers=headers)
        if reply.status != 200:
            expected = "200 to a packet"
            raise self._person.refuted(reply, check="send", clause="SP35", expected=expected)

    async def serve(self, space: Space) -> None:
        """Register for a space, which must succeed. Raises ScenarioStopped."""
        await self.send(EVENT, ["register", {"space_name": space.name}])
        match (await self._until(EVENT)).data:
            case ["register_response", {"success": True}]:
                pass
            case other:
                raise self._failed("a register_response with success: true", other, clause="SP1")

    async def takes(self, request: str) -> None:
        """Check that the next event is this request. Raises ScenarioStopped."""
        match (await self._until(EVENT)).data:
            case ["inference_request", {"request_id": str(found)}] if found == request:
                pass
            case other:
                raise self._failed(f"the request {request}", other, clause="SP13")

    async def acknowledged(self, number: int) -> None:
        """Wait for an acknowledgement. Raises ScenarioStopped."""
        found = await self._until(ACK)
        if found.number != number:
            raise self._failed(f"the acknowledgement {number}", found)

    async def leave(self) -> None:
        """Close the session."""
        await self.send(CLOSE)

    async def _until(self, kind: str) -> Packet:
        """The next packet, which must be of this kind; pings are answered."""
        while True:
            while self._untaken:
                packet = self._untaken.pop(0)
                if packet.kind == PING:
                    await self.send(PONG)
                elif packet.kind == kind:
                    return packet
                else:
                    expected = f"a packet {kind!r} of Engine.IO 4 and Socket.IO 5"
                    # Known to be none that was to come: it belongs to another app, or came twice.
                    clause = "SP13" if packet.kind == EVENT else "SP35"
                    raise self._failed(expected, packet, clause=clause)
            reply = await self._person.get(self._address)
            try:
                self._untaken = [decode(each) for each in reply.text.split(SEPARATOR)]
            except ValueError:
                self._untaken = []
            if reply.status != 200 or not self._untaken:
                expected = "200 with packets of Engine.IO 4"
                raise self._person.refuted(reply, check="poll", clause="SP35", expected=expected)

    def _failed(self, expected: str, found: object, *, clause: str = "SP35") -> ScenarioStopped:
        return self._person.failed(
            check="poll", clause=clause, expected=expected, actual=excerpt(repr(found))
        )
