"""One client of each profile: how it enters, asks, and knows that it was answered.

Entering (connecting, being greeted, logging in) is not measured: all clients
have entered before the first of them asks. What goes wrong raises ChatFailed,
as in a scenario.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from conformance.client.agent_chat import AgentBench, new_thread
from conformance.client.chat import Chat, ChatFailed
from conformance.client.rpc_chat import RpcBench
from conformance.client.spaces import SpacesBench
from conformance.client.spaces_user import Space, User
from conformance.load.work import Work

POLL = 0.1
"""Seconds between two questions whether a space's request is done."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer's times."""

    first: float
    """Seconds from the question to the first piece of the answer."""
    last: float
    """Seconds from the question to the answer's end."""
    tokens: int
    """How many pieces it came in."""

    @property
    def rate(self) -> float | None:
        """Pieces in a second, from the first to the last; None where there is no telling."""
        took = self.last - self.first
        return (self.tokens - 1) / took if self.tokens > 1 and took > 0 else None


class Client(Protocol):
    """Somebody who asks."""

    async def enter(self) -> None:
        """Get as far as asking. Raises ChatFailed."""
        ...

    async def ask(self) -> Answered:
        """Ask, and wait for the whole answer. Raises ChatFailed."""
        ...

    async def leave(self) -> None:
        """Close every connection."""
        ...


Crowd = Callable[[Work], AbstractAsyncContextManager[Callable[[], Client]]]
"""What a profile's clients share, for as long as they are there; it makes clients."""


class RpcClient:
    """A player of the roleplay engine."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._bench = RpcBench(work.scenario, work.stage)
        self._chat = self._bench.connect()

    async def enter(self) -> None:
        """Connect, and begin a session."""
        await self._chat.__aenter__()
        await self._chat.staged()

    async def ask(self) -> Answered:
        """Send a prompt; its answer ends with chat_end."""
        began, place = time.monotonic(), len(self._chat.messages)
        self._chat.prompt(self._work.prompt, pattern=self._work.pattern)
        await self._chat.answer()
        return _answered(self._chat, began, place, "event", "chat_chunk")

    async def leave(self) -> None:
        """Close the connection."""
        await self._bench.aclose()


class AgentClient:
    """A customer of the support chat."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._bench = AgentBench(work.scenario, work.stage)
        self._chat = self._bench.connect()
        self._thread = new_thread()

    async def enter(self) -> None:
        """Connect."""
        await self._chat.__aenter__()

    async def ask(self) -> Answered:
        """Send a message; its turn must complete."""
        began, place = time.monotonic(), len(self._chat.messages)
        self._chat.ask(self._thread, self._work.prompt, pattern=self._work.pattern)
        await self._chat.completes(self._thread)
        return _answered(self._chat, began, place, "type", "token")

    async def leave(self) -> None:
        """Close the connection."""
        await self._bench.aclose()


class SpacesClient:
    """A user of one space, which an app of ours serves."""

    def __init__(self, work: Work, space: Space, given: Mapping[str, float]) -> None:
        self._work, self._space, self._given = work, space, given
        self._bench = SpacesBench(work.scenario, work.stage)
        self._users: list[User] = []

    async def enter(self) -> None:
        """Register and log in, once for each request: users must pause between two."""
        self._users += await self._bench.users(self._work.requests)

    async def ask(self) -> Answered:
        """Submit a request, and ask for its result until it is there."""
        user = self._users.pop()
        began = time.monotonic()
        request = await user.asked(self._space, prompt=self._work.prompt)
        while (await user.status(request))["status"] != "completed":
            if self._bench.left < POLL:
                raise user.refuted(
                    await user.get(f"/websockets/status?request_id={request}"),
                    check="completed",
                    clause="SP17",
                    expected="the request is completed in time",
                )
            await asyncio.sleep(POLL)
        return Answered(self._given[request] - began, time.monotonic() - began, 1)

    async def leave(self) -> None:
        """Close every connection."""
        await self._bench.aclose()


@asynccontextmanager
async def _rpc_crowd(work: Work) -> AsyncIterator[Callable[[], Client]]:
    yield lambda: RpcClient(work)


@asynccontextmanager
async def _agent_crowd(work: Work) -> AsyncIterator[Callable[[], Client]]:
    yield lambda: AgentClient(work)


@asynccontextmanager
async def _spaces_crowd(work: Work) -> AsyncIterator[Callable[[], Client]]:
    """A space of their own, and an app that answers each request with its words."""
    bench = SpacesBench(work.scenario, work.stage)
    given: dict[str, float] = {}
    try:
        space = await bench.space()
        app = await bench.app(space)

        async def serve() -> None:
            while True:
                request = await app.given()
                given[request.id] = time.monotonic()
                await app.report(request.id, "completed", {"text": request.payload["prompt"]})

        serving = asyncio.create_task(serve())
        try:
            yield lambda: SpacesClient(work, space, given)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
    except ChatFailed as failed:
        raise CrowdError(str(failed)) from None
    finally:
        await bench.aclose()


class CrowdError(Exception):
    """What the clients share could not be had, so that none of them can be served."""


CROWDS: Mapping[str, Crowd] = {
    "rpc-chat": _rpc_crowd,
    "agent-chat": _agent_crowd,
    "spaces": _spaces_crowd,
}
"""The profiles that can be put under load."""


def _answered(chat: Chat, began: float, place: int, key: str, piece: str) -> Answered:
    """The times of the messages from this place on, of which such ones are pieces."""
    came = chat.messages[place:]
    pieces = [each.at for each in came if json.loads(each.data).get(key) == piece]
    first, last = _ends(pieces) or (came[-1].at, came[-1].at)
    return Answered(first - began, last - began, len(pieces))


def _ends(times: Sequence[float]) -> tuple[float, float] | None:
    return (times[0], times[-1]) if times else None
