"""A Chat: one conversation in JSON messages over a WebSocket, and the bench it is made on.

A chat backend is judged message by message, in order. A Chat keeps a place in
what has arrived: `take` is the next message, `upto` all up to one that ends a
turn. What does not come, or is no JSON, is a failed check and ends the scenario,
because all that follows would only say it again. Nothing is proved by silence:
`bench.token` marks what is asked, and a fence (a request whose answer is known)
stands where nothing more may come.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from conformance.core.finding import Finding, FindingKind, ScenarioStopped
from conformance.core.quoting import excerpt, plural
from conformance.core.scenario import Actor, Scenario
from conformance.profiles.bench import Bench
from conformance.profiles.environment import Environment
from conformance.profiles.websocket.connection import (
    ABNORMAL,
    Message,
    Opcode,
    Received,
    Sent,
    WebSocket,
)

MINUTE = 60.0
"""Seconds: what routers and proxies on the way take for the end of a silent connection."""

LINE = 96
_SHOWN = 24


Note = Callable[[Finding], Finding]
"""Notes a finding, and returns it."""


class Chat(WebSocket):
    """A conversation; an async context manager that has it open."""

    def __init__(self, url: str, *, deadline: float, note: Note) -> None:
        super().__init__(url, deadline=deadline)
        self.opened_at = time.monotonic()
        self._note = note
        self._place = 0
        """How many messages the scenario has taken."""

    async def __aenter__(self) -> Self:
        await self.open()
        if self.refused:
            raise self.failed("connect", clause=None, expected="a connection", actual=self.refused)
        return self

    def send(self, value: object) -> None:
        """Send a JSON value as a text message."""
        self.text(json.dumps(value))

    async def take(self, *, clause: str | None = None, expected: str = "a message") -> Any:
        """The next message, decoded. Raises ScenarioStopped."""
        if not await self.until(lambda: len(self.messages) > self._place):
            raise self.failed("take", clause=clause, expected=expected, actual=self._arrived_so())
        self._place += 1
        return self._decoded(self.messages[self._place - 1], clause)

    async def upto(
        self, ends: Callable[[Any], bool], *, clause: str | None = None, expected: str
    ) -> list[Any]:
        """The next messages, decoded, up to and with one that ends them."""
        taken = [await self.take(clause=clause, expected=expected)]
        while not ends(taken[-1]):
            taken.append(await self.take(clause=clause, expected=expected))
        return taken

    @property
    def untaken(self) -> list[Message]:
        """What has arrived, and no scenario has asked for."""
        return self.messages[self._place :]

    def expect(
        self, holds: bool, *, check: str, clause: str, expected: str, actual: object
    ) -> bool:
        """Note a failed check unless it holds; return whether it does."""
        if not holds:
            text = actual if isinstance(actual, str) else json.dumps(actual, ensure_ascii=False)
            where = f"message {self._place}"
            self._note(Finding(check, expected, excerpt(text), where, clause))
        return holds

    async def outlasts(self, seconds: float, *, held: str, pinged: str) -> None:
        """Check that the connection stays open while the model thinks. Raises ScenarioStopped.

        held: the clause on that; pinged: the one on pings, of which a minute shall see one.
        """
        before = len(self.received)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.until(lambda: self.ended or self.close_code is not None)
                expected = f"an open connection while the model thinks for {seconds:g} s"
                raise self.failed(
                    "outlasts", clause=held, expected=expected, actual=self._arrived_so()
                )
        pings = [each for each in self.received[before:] if each.opcode is Opcode.PING]
        self.expect(
            bool(pings) or seconds < MINUTE,
            check="pinged",
            clause=pinged,
            expected=f"a ping in {seconds:g} silent seconds",
            actual="none",
        )

    def failed(
        self, check: str, *, clause: str | None, expected: str, actual: str
    ) -> ScenarioStopped:
        """Note a failed check that ends the scenario. `clause`: None for the profile's first."""
        where = f"message {self._place}"
        finding = Finding(check, expected, actual, where, clause, FindingKind.NOT_SERVED)
        return ScenarioStopped(self._note(finding))

    def page(self) -> str:
        """The conversation for a human, in about thirty lines."""
        lines = [f"client   {self.url}", *(self._line(each) for each in self.frames)]
        if len(lines) > _SHOWN:
            left = len(lines) - _SHOWN
            lines[12 : 12 + left] = [f"  … {plural(left, 'frame')} …"]
        return "\n".join([*lines, f"  {self._arrived_so()}"])

    def _line(self, frame: Sent | Received) -> str:
        arrow = "→" if isinstance(frame, Sent) else "←"
        name = "raw" if frame.opcode is None else frame.opcode.name.lower()
        since = frame.at - self.opened_at
        return f"  {since:+8.3f} s  {arrow} {name:6} {excerpt(frame.data, LINE)}"

    def _arrived_so(self) -> str:
        if self.refused:
            return f"no connection: {self.refused}"
        came = f"{plural(len(self.messages), 'message')} had come"
        if self.violation:
            return f"{came}; the daemon broke RFC 6455: {self.violation}"
        if self.ended:
            return f"{came}, then the connection was closed ({self.close_code or ABNORMAL})"
        return f"{came}, and the connection is still open"

    def _decoded(self, message: Message, clause: str | None) -> Any:
        try:
            return json.loads(message.data)
        except ValueError as error:
            actual = f"{excerpt(message.data)}: {error}"
            raise self.failed("take", clause=clause, expected="JSON", actual=actual) from None


class ChatBench(Bench):
    """One scenario's hold on a chat backend: it makes conversations.

    A profile derives its own, with the Chat that speaks its messages.
    """

    def __init__(self, scenario: Scenario, environment: Environment) -> None:
        super().__init__(scenario, environment)
        self._chats: list[Chat] = []

    def connect(self) -> Chat:
        """A conversation that is yet to be opened (`async with`)."""
        raise NotImplementedError

    def directive(self, pattern: str = "", *, token: str | None = None) -> str:
        """What makes the mock API answer a text with this pattern, wherever it stands in it."""
        return f"[[test:{pattern};t={token or new_token()}]]"

    async def play(self) -> None:
        """Play the scenario, with one open conversation where it asks for a `chat`."""
        if self._scenario.actor is Actor.CHAT:
            async with self.connect() as chat:
                await self._scenario.function(chat)
        else:
            await self._scenario.function(self)

    async def evidence(self) -> str:
        """What the last conversations were."""
        return "\n\n".join(each.page() for each in self._chats[-3:])

    def release(self) -> None:
        """Close every connection that is still open."""
        for chat in self._chats:
            chat.release()

    async def aclose(self) -> None:
        """Close every connection that is still open, those too whose end takes a moment."""
        self.release()


def new_token() -> str:
    """A token for one exchange, by which the mock API's journal is asked for it."""
    return secrets.token_hex(8)
