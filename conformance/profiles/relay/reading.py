"""The receiving side of a client's connection: each read is stamped and parsed at once.

The event loop drives the reading. A scenario can pause it, and so decides when
the kernel's buffers fill up. Waiting is for a condition on what has arrived. It
ends with the condition, the exchange's end, or the deadline.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from conformance.core.evidence import Ending, Read, Response, Transcript
from conformance.profiles.relay.opening import Connection, Parser


class Reading:
    """What a client receives, until it has ended."""

    def __init__(self, parser: Parser, *, size: int) -> None:
        """`size` is how many bytes each read asks for."""
        self.parser = parser
        self.reads: list[Read] = []
        self.ending: Ending | None = None
        """How it ended; None while it runs."""
        self._ended_at = 0.0
        self._size = size
        self._connection: Connection | None = None
        self._news = asyncio.Event()

    def start(self, connection: Connection) -> None:
        """Read from this connection. No effect while reading, or after the end."""
        if self._connection is None and self.ending is None:
            self._connection = connection
            connection.watch(self._readable)

    def stop(self) -> None:
        """Pause. No effect while not reading."""
        if self._connection is not None:
            self._connection.unwatch()
            self._connection = None

    def sip(self, connection: Connection, size: int) -> None:
        """Make one read of at most `size` bytes, now, whether reading or not."""
        if self.ending is None:
            self._read(connection, size)

    def end(self, ending: Ending) -> None:
        """Note that it ended, now, in this way."""
        self._ended_at = time.monotonic()
        self.ending = ending
        self.stop()
        self._news.set()

    async def until(self, satisfied: Callable[[], bool], *, deadline: float) -> bool:
        """Wait for the condition, the end or the deadline; return whether the condition holds."""
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                while not satisfied() and self.ending is None:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        return satisfied()

    def seen(self, *, opening: str, request: bytes, began_at: float) -> Response:
        """What has arrived so far, parsed."""
        return self.parser.response(
            Transcript(
                request=request,
                began_at=began_at,
                reads=tuple(self.reads),
                ending=self.ending or Ending.DEADLINE,
                ended_at=self._ended_at if self.ending else time.monotonic(),
                opening=opening,
            )
        )

    def _readable(self) -> None:
        assert self._connection is not None
        self._read(self._connection, self._size)

    def _read(self, connection: Connection, size: int) -> None:
        try:
            data = connection.recv(size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.end(Ending.RESET)
            return
        if not data:
            self.end(Ending.EOF)
            return
        read = Read(time.monotonic(), data)
        self.reads.append(read)
        self.parser.feed(read)
        if self.parser.message_ended:
            self.end(Ending.MESSAGE)
        self._news.set()
