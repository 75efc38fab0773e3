"""The listeners and the event loop of one worker.

A worker is one process with one event loop. Its listeners are bound before it starts, so
several workers can share them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from mock_api.net.connection import Connection
from mock_api.net.tls import Certificate, TlsWire
from mock_api.net.wire import PlainWire, Wire
from mock_api.playing.exchange import Application
from mock_api.playing.services import Services

BACKLOG = 4096
"""Thousands of clients connect at once; the kernel lowers it to net.core.somaxconn."""

ACCEPTS_AT_ONCE = 128
"""Connections accepted in one turn of the event loop."""

ACCEPT_PAUSE = 0.05
"""Seconds without accepting after the process ran out of descriptors."""

COLLECT_EVERY = 50_000
"""Objects between two runs of the garbage collector. Requests make no cycles and
connections few, and a run delays every one of a thousand timed streams."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound socket, and its certificate if it speaks TLS."""

    sock: socket.socket
    certificate: Certificate | None = None

    def wire(self, accepted: socket.socket) -> Wire:
        """The wire of a connection accepted on this listener."""
        if self.certificate is None:
            return PlainWire(accepted)
        return TlsWire(accepted, self.certificate.context)


def bind_tcp(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening TCP socket; port 0 picks one. `shared`: other workers bind the same port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(
            f"expected an address to listen on, found {host} port {port} "
            f"({error.strerror}); choose another port, or 0 for any"
        ) from None
    sock.listen(BACKLOG)
    return sock


def bind_unix(path: Path) -> socket.socket:
    """A listening Unix socket. It replaces a socket file without a listener. Raises OSError."""
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            if not path.is_socket():
                raise OSError(f"{path}: expected a socket or nothing, found a file") from None
            path.unlink()
        except FileNotFoundError:
            pass
        else:
            raise OSError(f"{path}: another process listens there; choose another path")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(path))
    sock.listen(BACKLOG)
    return sock


def serve(
    application: Application,
    services: Services,
    listeners: list[Listener],
    *,
    ready: Callable[[], None],
    exit_on_eof: int | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the descriptor `exit_on_eof`."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(application, services, listeners, ready, exit_on_eof))


async def _serve(
    application: Application,
    services: Services,
    listeners: list[Listener],
    ready: Callable[[], None],
    exit_on_eof: int | None,
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    if exit_on_eof is not None:
        _watch_for_eof(loop, exit_on_eof, stop.set)
    connect = partial(Connection, application=application, services=services, loop=loop)
    for listener in listeners:
        listener.sock.setblocking(False)
        loop.add_reader(listener.sock.fileno(), partial(_accept, listener, loop, connect))
    ready()
    await stop.wait()
    for listener in listeners:
        loop.remove_reader(listener.sock.fileno())
        listener.sock.close()
    for connection in tuple(services.connections):
        connection.close()


def _accept(
    listener: Listener, loop: asyncio.AbstractEventLoop, connect: Callable[[Wire], object]
) -> None:
    for _ in range(ACCEPTS_AT_ONCE):
        try:
            accepted, _address = listener.sock.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:
            print(f"mock_api: cannot accept: {error}", file=sys.stderr)
            fd = listener.sock.fileno()
            loop.remove_reader(fd)
            again = partial(loop.add_reader, fd, partial(_accept, listener, loop, connect))
            loop.call_later(ACCEPT_PAUSE, again)
            return
        try:
            connect(listener.wire(accepted))
        except OSError:
            accepted.close()


def _watch_for_eof(loop: asyncio.AbstractEventLoop, fd: int, stop: Callable[[], None]) -> None:
    def readable() -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(fd, 4096):
                loop.remove_reader(fd)
                stop()

    try:
        loop.add_reader(fd, readable)
    except OSError:
        # epoll refuses files and /dev/null, which are always readable: they are at their end.
        stop()
