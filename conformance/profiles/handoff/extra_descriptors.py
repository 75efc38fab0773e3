"""Descriptors in a handoff that are not the client's.

A daemon must close them and write nothing to them. Each is made together with a
way to read what the daemon wrote.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from conformance.profiles.handoff.client_pair import Pair, pair


@contextmanager
def extra_clients(count: int) -> Iterator[list[Pair]]:
    """Connections that are handed over in addition to the client's; both ends are open."""
    with ExitStack() as stack:
        pairs = [pair() for _ in range(count)]
        for connection in pairs:
            stack.callback(connection.close)
        yield pairs


def received(client: socket.socket) -> bytes:
    """The bytes that the daemon wrote, as far as they have arrived; empty without any."""
    try:
        return client.recv(4096)
    except OSError:
        return b""


def _piped(reader: int) -> bytes:
    try:
        return os.read(reader, 4096)
    except BlockingIOError:
        return b""


@contextmanager
def wrong_kinds() -> Iterator[dict[int, Callable[[], bytes]]]:
    """Descriptors that are not connected stream sockets; each with a reader of written bytes."""
    with ExitStack() as stack:

        def kept(end: socket.socket) -> socket.socket:
            end.setblocking(False)
            return stack.enter_context(end)

        reader, writer = (stack.enter_context(os.fdopen(fd)) for fd in os.pipe())
        os.set_blocking(reader.fileno(), False)
        file = stack.enter_context(tempfile.TemporaryFile(buffering=0))
        listening = kept(socket.create_server(("127.0.0.1", 0)))
        unconnected = kept(socket.socket())
        datagram, datagrams = map(kept, socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
        packet, packets = map(kept, socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        yield {
            writer.fileno(): lambda: _piped(reader.fileno()),
            file.fileno(): lambda: os.pread(file.fileno(), 4096, 0),
            listening.fileno(): lambda: b"",
            unconnected.fileno(): lambda: b"",
            datagram.fileno(): lambda: received(datagrams),
            packet.fileno(): lambda: received(packets),
        }
