"""A Chat: one conversation in JSON messages over a WebSocket.

The scenario takes the messages in order; a Chat keeps its place. A message that
does not arrive, or is not JSON, is a finding and ends the scenario, because
every later check would report the same. Silence is proved by a fence, not by
waiting: a request whose one answer is known. What arrives before that answer
came too much.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, Self

from websockets.frames import Opcode

from conformance.core import record
from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt, plural
from conformance.core.record import Json
from conformance.profiles.websocket.checking import Checking, Note
from conformance.profiles.websocket.connection import ABNORMAL, Message, Received, Sent, WebSocket

MINUTE = 60.0
"""Seconds after which routers and proxies take a silent connection for a dead one."""

LINE = 96
"""Bytes of a frame that a transcript shows."""

SHOWN = 24
"""Lines of a transcript; those in the middle are left out."""


class Chat(WebSocket, Checking):
    """A conversation; an async context manager that opens it."""

    def __init__(self, url: str, *, deadline: float, note: Note) -> None:
        """Prepare a connection. deadline: absolute, time.monotonic(). note: takes findings."""
        WebSocket.__init__(self, url, deadline=deadline)
        Checking.__init__(self, note)
        self.opened_at = time.monotonic()
        self._place = 0
        """How many messages the scenario has taken."""

    async def __aenter__(self) -> Self:
        await self.open()
        self.require(
            not self.refused,
            "connect",
            expected="a connection",
            actual=self.refused,
            kind=FindingKind.NOT_SERVED,
        )
        return self

    # Messages

    def send(self, value: object) -> None:
        """Send a JSON value as a text message."""
        self.text(json.dumps(value))

    def in_fragments(self, text: str, *cuts: int) -> None:
        """Send a text message in fragments, cut at these bytes of its UTF-8."""
        data = text.encode()
        edges = (0, *cuts, len(data))
        for number, (start, end) in enumerate(pairwise(edges)):
            opcode = Opcode.CONT if number else Opcode.TEXT
            self.frame(opcode, data[start:end], fin=number == len(cuts))

    async def take(self, *, clause: str | None = None, expected: str = "a message") -> Any:
        """The next message, decoded. Raises ScenarioStopped if there is none.

        clause: the one that its absence breaks, where it is not the scenario's first.
        """
        arrived = await self.until(lambda: len(self.messages) > self._place)
        self.require(arrived, "take", expected=expected, actual=self.status(), clause=clause)
        self._place += 1
        data = self.messages[self._place - 1].data
        try:
            return json.loads(data)
        except ValueError as error:
            actual = f"{excerpt(data)}: {error}"
            kind = FindingKind.UNREADABLE
            raise self.failed("take", expected="JSON", actual=actual, kind=kind) from None

    @property
    def taken(self) -> str | bytes:
        """The message that was taken last, undecoded."""
        return self.messages[self._place - 1].data

    @property
    def untaken(self) -> list[Message]:
        """The messages that arrived and were not taken."""
        return self.messages[self._place :]

    # Control frames

    async def pong(self, payload: bytes) -> bool:
        """Send a ping, and wait for a pong or the connection's end; return whether one came."""
        before = len(self.pongs)
        self.ping(payload)
        return await self.until(lambda: len(self.pongs) > before)

    @property
    def pongs(self) -> list[bytes]:
        """The payloads of the daemon's pongs."""
        return [frame.data for frame in self.received if frame.opcode is Opcode.PONG]

    async def closes_with(self, code: int, reason: str) -> bool:
        """Check that the daemon closes the connection with this code; return whether it does."""
        received = await self.closed()
        return self.check(
            received == code and self.ended,
            "close_code",
            expected=f"closed with {code}, {reason}",
            actual=f"closed with {received}" if self.ended else "the connection is still open",
        )

    async def stays_open(self, seconds: float) -> None:
        """Check that the connection stays open while the model is silent. Raises ScenarioStopped.

        A minute must see a ping (NOT_PINGED).
        """
        before = len(self.received)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.until(lambda: self.ended or self.close_code is not None)
                expected = f"an open connection during {seconds:g} s of model silence"
                raise self.failed("stays_open", expected=expected, actual=self.status())
        pinged = any(frame.opcode is Opcode.PING for frame in self.received[before:])
        self.check(
            pinged or seconds < MINUTE,
            "pinged",
            expected=f"a ping in {seconds:g} silent seconds",
            actual="none",
            kind=FindingKind.NOT_PINGED,
        )

    # For the report

    def where(self, actual: object) -> str:
        """The message that was taken last."""
        return f"message {self._place}"

    def status(self) -> str:
        """What arrived, and whether the connection is open."""
        if self.refused:
            return f"no connection: {self.refused}"
        arrived = f"{plural(len(self.messages), 'message')} arrived"
        if self.violation:
            return f"{arrived}; the daemon broke RFC 6455: {self.violation}"
        if self.ended:
            return f"{arrived}, then the connection was closed ({self.close_code or ABNORMAL})"
        return f"{arrived}, and the connection is still open"

    def transcript(self) -> str:
        """The conversation for a human, in about thirty lines."""
        lines = [f"client   {self.url}", *map(self._line, self.frames)]
        if (left_out := len(lines) - SHOWN) > 0:
            lines[12 : 12 + left_out] = [f"  … {plural(left_out, 'frame')} …"]
        return "\n".join([*lines, f"  {self.status()}"])

    def recorded(self, *, start: float, among: int, marks: Sequence[tuple[float, str]]) -> Json:
        """The conversation for a record; see core/record."""
        limit = record.share(among, len(self.frames))
        parts, left_out = record.kept(
            self.frames,
            lambda frame: record.part(
                start,
                frame.at,
                _name(frame),
                frame.data,
                limit,
                sent=isinstance(frame, Sent),
            ),
        )
        ended_at = self.frames[-1].at if self.frames else self.opened_at
        return record.conversation(
            "websocket",
            self.opened_at,
            parts,
            left_out=left_out,
            ending=self.status(),
            ended_at=ended_at,
            start=start,
            marks=marks,
        )

    def _line(self, frame: Sent | Received) -> str:
        arrow = "→" if isinstance(frame, Sent) else "←"
        name = _name(frame)
        since = frame.at - self.opened_at
        return f"  {since:+8.3f} s  {arrow} {name:6} {excerpt(frame.data, LINE)}"


def _name(frame: Sent | Received) -> str:
    """What a report calls the frame."""
    return "raw" if frame.opcode is None else frame.opcode.name.lower()
