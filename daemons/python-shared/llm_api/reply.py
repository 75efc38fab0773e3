"""A reply: the queue between a connection to the API and the relay to a client.

The connection's session adds the bytes that arrive; the relay takes them at the
client's pace. The reply reports taken bytes to the session (`_consumed`), which
then lets the API send more: that is the whole back pressure. Bytes that arrived
before a failure are delivered before the failure is raised.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llm_api.failure import Failure

_RELEASE_TIME = 0.5
_RELEASE_SIZE = 64 * 1024
"""Seconds and bytes that the API may use after its `[DONE]` before it is cut off. The
connection can be used again only after the end of the body."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of the API's final response."""

    status: int
    fields: Sequence[tuple[str, str]]
    """Header fields in their order; names in lower case, values in Latin-1."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The fields by name; equal names are joined by commas."""
        headers: dict[str, str] = {}
        for name, value in self.fields:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    def get(self, name: str) -> str:
        """The header's value, or an empty string."""
        return ", ".join(value for field, value in self.fields if field == name)


class Reply(ABC):
    """One response. `_consumed` and `_abandon` are the session's part."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._head: Head | None = None
        self._chunks: list[bytes] = []
        self._ended: bool = False
        self._failure: Failure | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._released = 0  # bytes that arrived after `release`
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
        """End the request now; the rest is not wanted. Does nothing if the reply has ended.

        suspect: the API was silent for too long, so the connection may be dead.
        """
        if self._ended:
            return
        self._end()
        self._abandon(suspect)

    def release(self) -> None:
        """Discard the rest, which should be little, and let the body end by itself soon."""
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
        """The body is complete."""
        self._end()
        self._wake()

    def fail(self, failure: Failure) -> None:
        """The body is cut short, or never began."""
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
        """This many bytes left the reply: the API may send as many more."""

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
