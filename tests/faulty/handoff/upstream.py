"""Connections to the API: made, kept for reuse, and let go.

A connection that carried a whole response, and nothing after it, may carry
the next request. Any other is closed, and with it the request that it
carried. A kept connection may be closed by the API at the very moment it is
chosen again: when it ends before the first byte of a response, the request
was not processed, and is sent once more on a fresh connection.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from options import Api
from switch import fault
from watch import TimeUpError, Wait

MOST_IDLE = 2
IDLE_SECONDS = 10.0
"""Kept connections, and for how long. Servers close theirs after 5 s to minutes."""

_READ = 1 << 16


class LostError(Exception):
    """The connection cannot be made, or broke."""


class Connection:
    """One connection, non-blocking."""

    tls = False
    protocol: str | None = None
    """What was agreed on by ALPN."""

    def __init__(self, sock: socket.socket) -> None:
        self.reused = False
        self.leftover = b""
        """For a fault: what came after the last response."""
        self._socket = sock
        self._used_at = time.monotonic()

    def fileno(self) -> int:
        return self._socket.fileno()

    def _receive(self) -> bytes:
        return self._socket.recv(_READ)

    def _send(self, data: memoryview) -> int:
        return self._socket.send(data)

    def receive(self, wait: Wait, deadline: float) -> bytes:
        """The next bytes; b"" when the API ended the connection in order. LostError if not."""
        while True:
            try:
                return self._receive()
            except BlockingIOError:
                wait(self, select.POLLIN, deadline)
            except OSError as error:
                raise LostError(_told(error)) from error

    def receive_now(self) -> bytes | None:
        """What has come already; None when nothing has."""
        try:
            return self._receive()
        except BlockingIOError:
            return None
        except OSError as error:
            raise LostError(_told(error)) from error

    def send(self, data: memoryview) -> int:
        """Send what fits now, perhaps nothing."""
        try:
            return self._send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise LostError(_told(error)) from error

    @property
    def quiet(self) -> bool:
        """Whether a kept connection can be chosen again: open, and nothing to be read on it."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0) and time.monotonic() - self._used_at < IDLE_SECONDS

    def rested(self) -> None:
        """It is put aside."""
        self.reused = True
        self._used_at = time.monotonic()

    @property
    def old(self) -> bool:
        return time.monotonic() - self._used_at >= IDLE_SECONDS

    def close(self) -> None:
        """End it, and the request on it."""
        self._socket.close()


class Upstream:
    """The API: makes connections to it and keeps the idle ones."""

    def __init__(self, api: Api, connect_timeout: float) -> None:
        self.api = api
        self._connect_timeout = connect_timeout
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._wrap: Callable[[socket.socket, Wait, float], Connection] | None = None
        if api.tls:
            from tls import Tls  # noqa: PLC0415, slow to import

            self._wrap = Tls(api).connection
        self._host, self._port = api.host, api.port
        proxy = urlsplit(os.environ.get("http_proxy") or os.environ.get("HTTP_PROXY") or "")
        if proxy.hostname and not api.socket and fault("proxy_trusted"):
            self._host, self._port = proxy.hostname, proxy.port or 80

    def connection(self, wait: Wait, *, fresh: bool) -> Connection:
        """A connection, a kept one unless it shall be fresh. LostError, TimeUpError."""
        if not fresh and (kept := self._kept()):
            return kept
        return self._connect(wait, time.monotonic() + self._connect_timeout)

    def keep(self, connection: Connection) -> None:
        """Take back a connection on which a whole response came."""
        connection.rested()
        with self._lock:
            if len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def tidy(self) -> None:
        """Close what has been idle for too long, or was closed by the API."""
        with self._lock:
            gone = [each for each in self._idle if not each.quiet]
            self._idle = [each for each in self._idle if each not in gone]
        for each in gone:
            each.close()

    @property
    def idle(self) -> bool:
        """Whether there is something to tidy, later."""
        return bool(self._idle)

    def elsewhere(self, base: str) -> Upstream:
        """For a fault: the same API at another place."""
        parts = urlsplit(base)
        other = Upstream(self.api, self._connect_timeout)
        other._host, other._port = parts.hostname or "", parts.port or 80
        return other

    def _kept(self) -> Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            unasked = fault("returned_unfinished")
            if unasked or connection.quiet:
                return connection
            connection.close()

    def _connect(self, wait: Wait, deadline: float) -> Connection:
        problem: LostError | None = None
        for family, address in self._addresses():
            try:
                return self._connect_to(family, address, wait, deadline)
            except LostError as error:
                problem = error
        raise problem or LostError("it has no address")

    def _addresses(self) -> list[tuple[int, object]]:
        if self.api.socket:
            return [(socket.AF_UNIX, self.api.socket)]
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise LostError(_told(error)) from error
        return [(family, address) for family, _, _, _, address in found]

    def _connect_to(self, family: int, address: object, wait: Wait, deadline: float) -> Connection:
        try:
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise LostError(_told(error)) from error
        try:
            problem = sock.connect_ex(address)  # type: ignore[arg-type]
            while problem == errno.EAGAIN:  # a Unix socket whose backlog is full
                if time.monotonic() > deadline:
                    raise TimeUpError
                time.sleep(0.005)
                problem = sock.connect_ex(address)  # type: ignore[arg-type]
            if problem == errno.EINPROGRESS:
                wait(sock, select.POLLOUT, deadline)
                problem = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if problem:
                raise LostError(os.strerror(problem))
            if family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._wrap(sock, wait, deadline) if self._wrap else Connection(sock)
        except BaseException:
            sock.close()
            raise


def _told(error: OSError) -> str:
    return error.strerror or str(error)
