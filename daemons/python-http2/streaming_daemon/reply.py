"""A reply: one response of the API on its way from a connection to a relay.

The connection's session puts in what arrives; the relay takes it out at the
client's pace. What was taken is reported back to the session (`_consumed`), so
that it can let the API send more: that is all of back pressure. Everything that
arrived before a failure is handed out before the failure is raised.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from streaming_daemon.failure import Failure

_RELEASE_TIME = 0.5
_RELEASE_SIZE = 64 * 1024
"""What an API may still send, and take, after its `[DONE]` before it is cut off:
enough for the end of the body, without which the connection cannot be used again."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of the API's final response."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""

    def get(self, name: str) -> str:
        """The header's value, or an empty string."""
        return self.headers.get(name, "")


class Reply(ABC):
    """One response. `_consumed` and `_abandon` are the session's part."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._head: Head | None = None
        self._chunks: list[bytes] = []
        self._ended: bool = False
        self._failure: Failure | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._released = 0  # bytes that arrived since nobody wants them
        self._release_timer: asyncio.TimerHandle | None = None

    # The relay's side.

    async def head(self) -> Head:
        """Wait for the response's head. Raises Failure."""
        while self._head is None:
            if self._failure is not None:
                raise self._failure
            await self._wait()
        return self._head

    async def read(self) -> bytes:
        """Wait for more of the body; empty when it ended cleanly. Raises Failure."""
        while not self._chunks:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return b""
            await self._wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._consumed(len(data))
        return data

    def cancel(self, *, suspect: bool = False) -> None:
        """Nobody wants the rest: end the request now. Harmless when it has ended.

        suspect: the API was silent for too long, so the connection may be dead.
        """
        if self._ended:
            return
        self._end()
        self._abandon(suspect)

    def release(self) -> None:
        """Nobody needs the rest, which should be next to nothing: let it end by itself, soon."""
        if self._ended or self._release_timer is not None:
            return
        self._release_timer = self._loop.call_later(_RELEASE_TIME, self.cancel)
        waiting = sum(map(len, self._chunks))
        self._chunks.clear()
        if waiting:
            self._consumed(waiting)

    # The session's side.

    def deliver_head(self, head: Head) -> None:
        """The final response's head arrived."""
        self._head = head
        self._wake()

    def deliver(self, data: bytes) -> None:
        """A piece of the body arrived."""
        if self._release_timer is None:
            self._chunks.append(data)
            self._wake()
            return
        self._released += len(data)
        if self._released > _RELEASE_SIZE:
            self.cancel()
        else:
            self._consumed(len(data))

    def finish(self) -> None:
        """The body ended as its framing says it must."""
        self._end()
        self._wake()

    def fail(self, failure: Failure) -> None:
        """Nothing more will arrive, and something is missing."""
        if not self._ended:
            self._end()
            self._failure = failure
            self._wake()

    @property
    def started(self) -> bool:
        """Whether the head has arrived."""
        return self._head is not None

    @abstractmethod
    def _consumed(self, size: int) -> None:
        """This many bytes left the reply: as many more may come."""

    @abstractmethod
    def _abandon(self, suspect: bool) -> None:
        """End the request upstream."""

    def _end(self) -> None:
        self._ended = True
        if self._release_timer is not None:
            self._release_timer.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
