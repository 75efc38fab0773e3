"""Descriptors that a handoff carries and that are not the client's.

A daemon must close them and write nothing to them; each is made together with
a way to hear whether it did.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from conformance.profiles.handoff.client_pair import Pair, pair


@contextmanager
def companions(count: int) -> Iterator[list[Pair]]:
    """Connections that are handed over beside the client's; both ends are open."""
    with ExitStack() as stack:
        pairs = [pair() for _ in range(count)]
        for each in pairs:
            stack.callback(each.close)
        yield pairs


def heard(client: socket.socket) -> bytes:
    """What was written to the other end, as far as it has come; empty where nothing was."""
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
    """Descriptors that are no connected stream sockets, and how to hear what was written."""
    with ExitStack() as stack:

        def kept(each: socket.socket) -> socket.socket:
            each.setblocking(False)
            return stack.enter_context(each)

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
            datagram.fileno(): lambda: heard(datagrams),
            packet.fileno(): lambda: heard(packets),
        }
