"""Socket.IO over a WebSocket, as a remote app speaks it.

Two protocols lie over each other, both of text frames: Engine.IO 4 (the first
digit: open, ping, message) and Socket.IO 5 in its messages (the second digit:
connect, event, acknowledgement). `decode` and `encode` know both without I/O.

Silence is proved by an acknowledgement. Every Socket.IO server gives one to an
event that asks for it, when the event was handled, and what it sent before came
before: so `call` says that an event was dealt with, and `fence` that nothing
more has come than the test has seen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.frames import Frame

from conformance.core.quoting import excerpt, plural
from conformance.profiles.websocket.chat import Chat, Note

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "0", "1", "2", "3", "4", "5", "6"
"""Engine.IO 4."""

PROBE = "probe"
"""What the ping and the pong of an upgrade say."""

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
    """An event from the site."""

    at: float
    name: str
    data: Any
    """Its one argument."""
    message: int
    """Which of the connection's messages it was, from 1."""


def encode(kind: str, data: object = None, *, number: int | None = None) -> str:
    """A packet as text."""
    told = "" if data is None else json.dumps(data)
    return f"{kind}{'' if number is None else number}{told}"


def decode(text: str) -> Packet:
    """Text as a packet. Raises ValueError for what is none."""
    kind = next((each for each in KINDS if text.startswith(each)), None)
    if kind is None:
        raise ValueError("no packet of Engine.IO 4 and Socket.IO 5 begins so")
    rest = text.removeprefix(kind)
    if kind in (PING, PONG):
        return Packet(kind, data=rest)
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))] if kind in (EVENT, ACK) else ""
    rest = rest.removeprefix(digits)
    return Packet(kind, int(digits) if digits else None, json.loads(rest) if rest else None)


def address(url: str) -> str:
    """Where a site at http://… takes WebSockets for Socket.IO."""
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme in ("https", "wss") else "ws"
    return f"{scheme}://{parts.netloc}/socket.io/?EIO=4&transport=websocket"


class SocketIo(Chat):
    """A connection; an async context manager that has it open, in the default namespace."""

    def __init__(self, url: str, *, deadline: float, note: Note, session: str = "") -> None:
        """Prepare a connection to the site at http://…; `deadline` as time.monotonic().

        session: the Engine.IO session, begun by polling, that goes on over this connection.
        """
        place = address(url)
        super().__init__(
            f"{place}&sid={session}" if session else place, deadline=deadline, note=note
        )
        self._session = session
        self.events: list[Event] = []
        """Every event that came."""
        self.dismissed = False
        """Whether the site has disconnected the socket."""
        self._seen = 0
        """How many events the scenario has taken."""
        self._greeted: set[str] = set()
        self._acknowledged: dict[int, int] = {}
        """By number, how many events had come before the acknowledgement."""
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

    async def call(self, name: str, *data: object, clause: str) -> None:
        """Send an event, and wait until the site has dealt with it."""
        await self._acknowledgement(name, *data, clause=clause)

    async def event(self, name: str, *, clause: str, other: str = "") -> Event:
        """The next event, which must have this name. Raises ScenarioStopped.

        other: the clause that an event of another name violates, if it is not the same.
        """
        expected = f"an event {name!r}"
        if not await self.until(lambda: len(self.events) > self._seen or self.dismissed):
            raise self.failed("event", clause=clause, expected=expected, actual=self._arrived_so())
        if len(self.events) == self._seen:
            raise self.failed("event", clause=clause, expected=expected, actual="a disconnect")
        found = self.events[self._seen]
        self._seen += 1
        self._place = found.message
        if found.name != name:
            told = f"{found.name!r} {excerpt(json.dumps(found.data, ensure_ascii=False))}"
            raise self.failed("event", clause=other or clause, expected=expected, actual=told)
        return found

    async def fence(
        self, name: str, *data: object, clause: str, other: Mapping[str, str] | None = None
    ) -> None:
        """Check that nothing more has come than was taken; the event must change nothing.

        other: by an event's name, the clause that it violates by coming, if it is not the same.
        """
        came = await self._acknowledgement(name, *data, clause=clause)
        more = [each.name for each in self.events[self._seen : came]]
        self.expect(
            not more,
            check="silent",
            clause=(other or {}).get(more[0], clause) if more else clause,
            expected="no further event",
            actual=f"{plural(len(more), 'event')}: {', '.join(more[:4])}",
        )

    async def let_go(self, *, clause: str, other: str = "") -> None:
        """Wait until the site ends the connection without an event. Raises ScenarioStopped.

        other: the clause that an event violates, if it is not the same.
        """
        await self.until(lambda: self.dismissed or len(self.events) > self._seen)
        if len(self.events) > self._seen or not (self.dismissed or self.ended):
            raise self.failed(
                "let_go",
                clause=other or clause if len(self.events) > self._seen else clause,
                expected="the site disconnects the socket",
                actual=self._arrived_so(),
            )

    async def settled(self, name: str, *data: object) -> bool:
        """Wait until the site has dealt with all that was sent; whether the socket outlived it.

        The event must be one that the site knows, and change nothing.
        """
        number = self._asks(name, *data)
        await self.until(lambda: number in self._acknowledged or self.dismissed)
        return number in self._acknowledged

    async def leave(self) -> None:
        """Disconnect as a client does."""
        if not self.ended:
            self.text(DISCONNECT)
            await self.close()

    async def _greeting(self, kind: str) -> None:
        if not await self.until(lambda: kind in self._greeted):
            expected = f"a packet {kind!r} of Engine.IO 4 and Socket.IO 5"
            raise self.failed("connect", clause=None, expected=expected, actual=self._arrived_so())

    async def _acknowledgement(self, name: str, *data: object, clause: str) -> int:
        number = self._asks(name, *data)
        if not await self.until(lambda: number in self._acknowledged):
            raise self.failed(
                "call",
                clause=clause,
                expected=f"an acknowledgement of the event {name!r}, which asks for one",
                actual=self._arrived_so(),
            )
        return self._acknowledged[number]

    def _asks(self, name: str, *data: object) -> int:
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
                    self._greeted.add(kind)
                case Packet(kind="41" | "1"):
                    self.dismissed = True
                case Packet(kind="42", data=[str(name), *rest]):
                    told = rest[0] if len(rest) == 1 else rest
                    self.events.append(Event(at, name, told, number))
                case Packet(kind="43", number=int(acknowledged)):
                    self._acknowledged[acknowledged] = len(self.events)
