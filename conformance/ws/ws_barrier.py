"""WSBarrier: a point that several clients pass together.

    joined = WSBarrier(2, name="both are in")

Each client waits until the last one arrives; then all continue. A barrier guarantees an
order of clients that a delay only makes likely. When one client has waited too long, the
wait fails for all clients, and the error names those that arrived.
"""

from __future__ import annotations

import asyncio

from conformance.ws.ws_timeout_error import WSTimeoutError


class WSBarrier:
    """A meeting point of `parties` clients. They may pass it several times."""

    def __init__(self, parties: int, *, name: str = "barrier", timeout: float = 10.0) -> None:
        if parties < 1:
            raise ValueError(
                f"expected at least 1 party, found {parties} (WSBarrier); count the clients"
            )
        self.name = name
        self.parties = parties
        self.timeout = timeout
        """Seconds that a client waits for the others."""
        self._barrier = asyncio.Barrier(parties)
        self._waiting: list[str] = []
        self._broken = ""

    async def wait(self, who: str) -> None:
        """Wait for all clients. Raises WSTimeoutError if one of them does not arrive in time."""
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
