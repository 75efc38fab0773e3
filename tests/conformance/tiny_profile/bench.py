"""The client of an echo daemon."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from conformance.profiles.bench import Bench


class EchoBench(Bench):
    """Asks an echo daemon."""

    async def ask(self, line: bytes) -> bytes:
        """Send a line on a new connection; the daemon's first line."""
        parts = urlsplit(self.environment.instance.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(line)
            return await asyncio.wait_for(reader.readline(), 5)
        finally:
            writer.close()

    async def play(self) -> None:
        """Play the scenario."""
        await self._scenario.function(self)

    async def evidence(self) -> str:
        """What a report shows next to a failed check."""
        return "the echo daemon was asked for a line"

    async def aclose(self) -> None:
        """Every connection is closed already."""
