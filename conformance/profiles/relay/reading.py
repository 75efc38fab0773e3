"""The receiving side of a client's connection: each read is stamped and parsed at once.

The event loop drives the reading. A scenario can pause it, and so decides when
the kernel's buffers fill up. Waiting is for a condition on what has arrived. It
ends with the condition, the exchange's end, or the deadline. What is read has a bound;
see `flood`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import accumulate

from conformance.core.evidence import Ending, Read, Response, Transcript
from conformance.core.quoting import plural
from conformance.profiles.relay import flood
from conformance.profiles.relay.flood import Places
from conformance.profiles.relay.opening import Connection, Parser


class Reading:
    """What a client receives, until it has ended."""

    def __init__(
        self, make: Callable[[], Parser], *, size: int, flooded: Callable[[str], None]
    ) -> None:
        """`size` is how many bytes each read asks for.

        make: makes a parser for the answer. flooded: called with what arrived, in words, when
        the answer is too large; it must end the reading.
        """
        self.parser = make()
        self._make, self._flooded = make, flooded
        self._cost = 0
        self._placed = False
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
            if self._cost <= flood.SMALL:
                connection.watch(self._readable)
            else:
                Places.here().take(self._watch)

    def stop(self) -> None:
        """Pause. No effect while not reading."""
        if self._connection is not None:
            self._connection.unwatch()
            self._connection = None
            if self._placed:
                self._placed = False
                Places.here().give()
            elif self._cost > flood.SMALL:
                Places.here().give_up(self._watch)

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

    def _watch(self) -> None:
        """Read a large answer: there is a place for it."""
        assert self._connection is not None
        self._placed = True
        self._connection.watch(self._readable)

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
        before = len(self.parser.events)
        self.parser.feed(read)
        self._cost += len(data) + flood.EVENT * (len(self.parser.events) - before)
        if self.parser.message_ended:
            self.end(Ending.MESSAGE)
        elif self._cost > flood.MOST:
            self._flood()
        elif self._cost > flood.SMALL and not self._placed and self._connection is not None:
            connection.unwatch()
            Places.here().take(self._watch)
        self._news.set()

    def _flood(self) -> None:
        """End an answer that is too large, and forget all but its beginning."""
        total = sum(len(read.data) for read in self.reads)
        events = len(self.parser.events)
        self._flooded(f"{total} bytes and {plural(events, 'event')} so far, and no end")
        ends = accumulate(len(read.data) for read in self.reads)
        self.reads = [read for read, end in zip(self.reads, ends, strict=True) if end <= flood.KEPT]
        self.parser = self._make()
        for read in self.reads:
            self.parser.feed(read)
