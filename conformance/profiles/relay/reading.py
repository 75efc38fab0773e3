"""The receiving side of a client's socket: every read stamped and parsed as it comes.

Reading is driven by the event loop and can be paused, so that a scenario
decides when the kernel's buffers fill up. Waiting is for a condition on what
has arrived; it is over when the condition holds, the connection has ended, or
the deadline has passed, whichever is first.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from conformance.core.evidence import Ending, Read, Response, Transcript
from conformance.wire.response import ResponseParser


class Reading:
    """What a client receives, until it has ended."""

    def __init__(self, *, size: int, delay_acks: bool = False) -> None:
        """`size` is how many bytes each read asks for; `delay_acks`: acknowledge them late."""
        self.parser = ResponseParser()
        self.reads: list[Read] = []
        self.ending: Ending | None = None
        """How it ended; None while it has not."""
        self._ended_at = 0.0
        self._size = size
        self._delay_acks = delay_acks
        self._socket: socket.socket | None = None
        self._news = asyncio.Event()

    def start(self, client: socket.socket) -> None:
        """Read from this non-blocking socket. No effect when reading already, or ended."""
        if self._socket is None and self.ending is None:
            self._socket = client
            asyncio.get_running_loop().add_reader(client, self._readable)

    def stop(self) -> None:
        """Read no further, for the time being. No effect when not reading."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket = None

    def sip(self, client: socket.socket, size: int) -> None:
        """Make one read of at most so many bytes, now, whether reading or not."""
        if self.ending is None:
            self._read(client, size)

    def end(self, ending: Ending) -> None:
        """It has ended, now, in this way."""
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

    def seen(self, *, handoff: bytes, handed_off_at: float) -> Response:
        """What has arrived so far, parsed."""
        return self.parser.response(
            Transcript(
                handoff=handoff,
                handed_off_at=handed_off_at,
                reads=tuple(self.reads),
                ending=self.ending or Ending.DEADLINE,
                ended_at=self._ended_at if self.ending else time.monotonic(),
            )
        )

    def _readable(self) -> None:
        assert self._socket is not None
        self._read(self._socket, self._size)

    def _read(self, client: socket.socket, size: int) -> None:
        try:
            data = client.recv(size)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self.end(Ending.RESET)
            return
        if not data:
            self.end(Ending.EOF)
            return
        if self._delay_acks:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)  # it does not last
        read = Read(time.monotonic(), data)
        self.reads.append(read)
        self.parser.feed(read)
        self._news.set()
