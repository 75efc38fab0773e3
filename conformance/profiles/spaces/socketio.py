"""Socket.IO over a WebSocket, as a remote app speaks it.

Two protocols stand on top of each other, both in text frames: Engine.IO 4 (the
first digit: open, ping, message) and Socket.IO 5 in its messages (the second
digit: connect, event, acknowledgement). `decode` and `encode` do both without I/O.

An acknowledgement proves silence. Every Socket.IO server acknowledges an event
that asks for it after handling it, and sends everything earlier before that. So
`call` waits until an event is handled, and `fence` proves that no further event
has arrived.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.frames import Frame

from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt, plural
from conformance.profiles.websocket.chat import Chat
from conformance.profiles.websocket.checking import OWN, Note

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0", "1", "2", "3", "4", "5", "6"
"""Engine.IO 4."""

PROBE = "probe"
"""The content of the ping and the pong of an upgrade."""

CONNECT, DISCONNECT, EVENT, ACK = "40", "41", "42", "43"
"""Socket.IO 5, in messages of Engine.IO."""

KINDS = (CONNECT, DISCONNECT, EVENT, ACK, "44", OPEN, CLOSE, PING, PONG, NOOP)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet: its kind, an acknowledgement's number, and JSON."""

    kind: str
    number: int | None = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the website."""

    at: float
    name: str
    data: Any
    """Its one argument."""
    message: int
    """The number of its message on the connection, from 1."""


def encode(kind: str, data: object = None, *, number: int | None = None) -> str:
    """A packet as text."""
    content = "" if data is None else json.dumps(data)
    return f"{kind}{'' if number is None else number}{content}"


def decode(text: str) -> Packet:
    """Text as a packet. Raises ValueError if it is not a packet."""
    kind = next((kind for kind in KINDS if text.startswith(kind)), None)
    if kind is None:
        raise ValueError("no packet of Engine.IO 4 and Socket.IO 5 begins like this")
    rest = text.removeprefix(kind)
    if kind in (PING, PONG):
        return Packet(kind, data=rest)
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if kind in (EVENT, ACK) else ""
    rest = rest.removeprefix(digits)
    return Packet(kind, int(digits) if digits else None, json.loads(rest) if rest else None)


def address(url: str) -> str:
    """The address at which a website at http://… takes WebSockets for Socket.IO."""
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme in ("https", "wss") else "ws"
    return f"{scheme}://{parts.netloc}/socket.io/?EIO=4&transport=websocket"


class SocketIo(Chat):
    """A connection; an async context manager that opens it, in the default namespace."""

    def __init__(self, url: str, *, deadline: float, note: Note, session: str = "") -> None:
        """Prepare a connection to the website at http://…; `deadline` as time.monotonic().

        session: the Engine.IO session, begun by polling, that continues on this connection.
        """
        place = address(url)
        super().__init__(
            f"{place}&sid={session}" if session else place, deadline=deadline, note=note
        )
        self._session = session
        self.events: list[Event] = []
        """All events, in order."""
        self.dismissed = False
        """Whether the website has disconnected the socket."""
        self._taken = 0
        """How many events the scenario has taken."""
        self._greetings: set[str] = set()
        self._acknowledged: dict[int, int] = {}
        """The number of events before each acknowledgement, by its number."""
        self._calls = 0

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self._session:
            self.text(f"{PING}{PROBE}")
            await self._greeting(PONG)
            self.text(UPGRADE)
        else:
            await self._greeting(OPEN)
            self.text(CONNECT)
            await self._greeting(CONNECT)
        return self

    def emit(self, name: str, *data: object) -> None:
        """Send an event."""
        self.text(encode(EVENT, [name, *data]))

    async def call(self, name: str, *data: object, clause: str = OWN) -> None:
        """Send an event, and wait until the website has handled it. Raises ScenarioStopped."""
        await self._acknowledgement(name, *data, clause=clause)

    async def event(self, name: str, *, clause: str = OWN, other: str = "") -> Event:
        """The next event, which must have this name. Raises ScenarioStopped.

        other: broken by an event of another name, if it is not the same clause.
        """
        await self.until(lambda: len(self.events) > self._taken or self.dismissed)
        self.require(
            len(self.events) > self._taken,
            "event",
            expected=f"an event {name!r}",
            actual="a disconnect" if self.dismissed else self.status(),
            clause=clause,
        )
        event = self.events[self._taken]
        self._taken += 1
        self._place = event.message
        self.require(
            event.name == name,
            "event",
            expected=f"an event {name!r}",
            actual=f"{event.name!r} {excerpt(json.dumps(event.data, ensure_ascii=False))}",
            clause=other or clause,
        )
        return event

    async def fence(
        self, name: str, *data: object, clause: str = OWN, other: Mapping[str, str] | None = None
    ) -> None:
        """Check that no further event has arrived; the fence's event must change nothing.

        other: the clauses that further events break, by name, if it is not the same.
        """
        before = await self._acknowledgement(name, *data, clause=clause)
        further = [event.name for event in self.events[self._taken : before]]
        self.check(
            not further,
            "silent",
            expected="no further event",
            actual=f"{plural(len(further), 'event')}: {', '.join(further[:4])}",
            clause=(other or {}).get(further[0], clause) if further else clause,
        )

    async def let_go(self, *, clause: str = OWN, other: str = "") -> None:
        """Wait until the website ends the connection without an event. Raises ScenarioStopped.

        other: broken by an event, if it is not the same clause.
        """
        await self.until(lambda: self.dismissed or len(self.events) > self._taken)
        event = len(self.events) > self._taken
        self.require(
            not event and (self.dismissed or self.ended),
            "let_go",
            expected="the website disconnects the socket",
            actual=self.status(),
            clause=(other or clause) if event else clause,
        )

    async def settled(self, name: str, *data: object) -> bool:
        """Wait until the website has handled all packets; whether the socket survived it.

        The event must be a known one that changes nothing.
        """
        number = self._ask(name, *data)
        await self.until(lambda: number in self._acknowledged or self.dismissed)
        return number in self._acknowledged

    async def leave(self) -> None:
        """Disconnect as a client does."""
        if not self.ended:
            self.text(DISCONNECT)
            await self.close()

    async def _greeting(self, kind: str) -> None:
        self.require(
            await self.until(lambda: kind in self._greetings),
            "connect",
            expected=f"a packet {kind!r} of Engine.IO 4 and Socket.IO 5",
            actual=self.status(),
            kind=FindingKind.NOT_SERVED,
        )

    async def _acknowledgement(self, name: str, *data: object, clause: str) -> int:
        number = self._ask(name, *data)
        self.require(
            await self.until(lambda: number in self._acknowledged),
            "call",
            expected=f"an acknowledgement of the event {name!r}, which asks for one",
            actual=self.status(),
            clause=clause,
        )
        return self._acknowledged[number]

    def _ask(self, name: str, *data: object) -> int:
        """Send an event that asks for an acknowledgement; its number."""
        self._calls += 1
        self.text(encode(EVENT, [name, *data], number=self._calls))
        return self._calls

    def _received(self, at: float, frame: Frame) -> None:
        before = len(self.messages)
        super()._received(at, frame)
        for number, message in enumerate(self.messages[before:], start=before + 1):
            try:
                packet = decode(message.data) if isinstance(message.data, str) else None
            except ValueError as error:
                self.violation = self.violation or f"Socket.IO: {excerpt(message.data)}: {error}"
                continue
            match packet:
                case Packet(kind="2"):
                    self.text(PONG)
                case Packet(kind="0" | "40" | "3" as kind):
                    self._greetings.add(kind)
                case Packet(kind="41" | "1"):
                    self.dismissed = True
                case Packet(kind="42", data=[str(name), *rest]):
                    data = rest[0] if len(rest) == 1 else rest
                    self.events.append(Event(at, name, data, number))
                case Packet(kind="43", number=int(acknowledged)):
                    self._acknowledged[acknowledged] = len(self.events)
