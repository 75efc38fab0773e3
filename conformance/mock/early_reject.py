"""An API that refuses a request early: it answers 413 after the head and reads no further.

Its receive buffer is small, so a large request is still being sent when the answer
arrives. On TCP, small segments keep the sender's buffer small as well. (On a Unix socket
the sender's buffer takes the whole request, which then stays unread.) After the answer,
every second connection is reset. The others stay open: there, a daemon that waits for
the end of its own writing waits without end. The answers are numbered, so a request that
was sent twice can be seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from conformance.mock.addresses import Addresses

RECEIVE_BUFFER = 2048
SEGMENT = 536
"""Bytes; RFC 9293 3.7.1 has no smaller default."""

MOST_HEAD = 1 << 12


@asynccontextmanager
async def abrupt(mock: Addresses, folder: Path) -> AsyncIterator[Addresses]:
    """The addresses of such an API. Its files are put into the folder."""
    import trustme  # noqa: PLC0415, takes 50 ms that most runs need not spend

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    numbers = itertools.count(1)

    unread: list[asyncio.StreamWriter] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        unread.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
            number = next(numbers)
            writer.write(_refusal(number))
            await writer.drain()
            if number % 2:
                writer.transport.abort()

    plain, secure = _narrow(), _narrow()
    path = str(folder / "api.sock")
    servers = (
        await asyncio.start_server(refuse, sock=plain, limit=MOST_HEAD),
        await asyncio.start_server(refuse, sock=secure, limit=MOST_HEAD, ssl=context),
        await asyncio.start_unix_server(refuse, path, limit=MOST_HEAD),
    )
    try:
        yield replace(
            mock,
            http=f"http://127.0.0.1:{plain.getsockname()[1]}/v1",
            https=f"https://127.0.0.1:{secure.getsockname()[1]}/v1",
            socket=path,
            ca_file=str(folder / "ca.pem"),
        )
    finally:
        for server in servers:
            server.close()
        for writer in unread:
            writer.transport.abort()


def _narrow() -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    listener.bind(("127.0.0.1", 0))
    return listener


def _refusal(number: int) -> bytes:
    error = {"message": f"too long: answer {number}", "type": "invalid_request", "code": None}
    body = json.dumps({"error": error}).encode()
    return (
        b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
    )
