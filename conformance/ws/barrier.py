"""WSBarrier: a point that several clients pass together.

    joined = WSBarrier(2, name="both are in")

Every party waits until the last one arrives; then all go on. That is how the
order of clients is made certain where a delay would only make it likely. A
party that waits too long ends the waiting of all, with a text that says who was
there.
"""

from __future__ import annotations

import asyncio

from conformance.ws.errors import WSTimeoutError


class WSBarrier:
    """A meeting point of `parties` clients; it may be passed several times."""

    def __init__(self, parties: int, *, name: str = "barrier", timeout: float = 10.0) -> None:
        if parties < 1:
            raise ValueError(f"WSBarrier: expected at least 1 party, found {parties}")
        self.name = name
        self.parties = parties
        self.timeout = timeout
        """Seconds that a party waits for the others."""
        self._barrier = asyncio.Barrier(parties)
        self._waiting: list[str] = []
        self._broken = ""

    async def wait(self, who: str) -> None:
        """Wait until all have arrived. Raises WSTimeoutError where they do not."""
        self._waiting.append(who)
        try:
            async with asyncio.timeout(self.timeout):
                await self._barrier.wait()
        except (TimeoutError, asyncio.BrokenBarrierError):
            if not self._broken:
                self._broken = (
                    f"Timed out waiting at barrier {self.name!r}: {len(self._waiting)} of "
                    f"{self.parties} arrived ({', '.join(self._waiting)})"
                )
                await self._barrier.abort()
            raise WSTimeoutError(self._broken) from None
        finally:
            self._waiting.remove(who)
