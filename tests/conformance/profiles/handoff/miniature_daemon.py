"""A miniature daemon on a real socket: it takes handoffs and runs a test's function."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from conformance.core.socket_type import SocketType

Serve = Callable[[list[socket.socket], bytes], Awaitable[None]]
"""What to do with the descriptors and the data of one handoff."""


@asynccontextmanager
async def miniature_daemon(
    path: Path, socket_type: SocketType, serve: Serve
) -> AsyncIterator[None]:
    """Serve handoffs on the path, one after the other."""
    with socket.socket(socket.AF_UNIX, socket_type.number) as listener:
        listener.setblocking(False)
        listener.bind(str(path))
        listener.listen(16)
        task = asyncio.create_task(_accept(listener, serve))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _accept(listener: socket.socket, serve: Serve) -> None:
    loop = asyncio.get_running_loop()
    while True:
        peer, _ = await loop.sock_accept(listener)
        with peer:
            data, clients = await _receive(peer)
        for client in clients:
            client.setblocking(False)
        try:
            await serve(clients, data)
        finally:
            for client in clients:
                client.close()


async def _receive(peer: socket.socket) -> tuple[bytes, list[socket.socket]]:
    """Everything up to EOF; a SEQPACKET peer's one message comes with its own end."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(peer, readable.set)
    data, found = b"", []
    try:
        while True:
            await readable.wait()
            readable.clear()
            try:
                part, descriptors, flags, _ = socket.recv_fds(peer, 1 << 18, 253)
            except BlockingIOError:
                continue  # one read took the bytes of two notifications
            assert not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
            found += [socket.socket(fileno=each) for each in descriptors]
            data += part
            if not part:
                return data, found
    finally:
        loop.remove_reader(peer)
