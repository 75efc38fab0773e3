"""A proxy to the mock API's TLS listener, at an address that its certificate does not name.

The proxy passes bytes on as they are. A daemon that accepts the wrong name reaches the
mock API itself, and its request is in the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from conformance.mock.addresses import Addresses

ELSEWHERE = "127.0.0.2"
"""On Linux all of 127.0.0.0/8 is this machine; the mock API's certificate names 127.0.0.1."""

PIECE = 1 << 16


@asynccontextmanager
async def misnamed(mock: Addresses) -> AsyncIterator[Addresses]:
    """The mock API's addresses, with the proxy in place of its TLS listener."""
    parts = urlsplit(mock.https)
    running: set[asyncio.Task[None]] = set()

    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        finally:
            back.close()
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(passed_on(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    async with await asyncio.start_server(begin, ELSEWHERE, 0) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield replace(mock, https=f"https://{ELSEWHERE}:{port}{parts.path}")
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
