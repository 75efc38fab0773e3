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
import ssl
import threading
import time
from urllib.parse import urlsplit

from faults import fault
from options import Api
from watch import TimeUpError, Wait

MOST_IDLE = 2
IDLE_SECONDS = 10.0
"""Kept connections, and for how long. Servers close theirs after 5 s to minutes."""

_READ = 1 << 16


class LostError(Exception):
    """The connection cannot be made, or broke."""


class Connection:
    """One connection, non-blocking, perhaps under TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self.reused = False
        self.leftover = b""
        """For a fault: what came after the last response."""
        self._socket = sock
        self._used_at = time.monotonic()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def tls(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket)

    @property
    def protocol(self) -> str | None:
        """What was agreed on by ALPN."""
        found = self._socket
        return found.selected_alpn_protocol() if isinstance(found, ssl.SSLSocket) else None

    def receive(self, wait: Wait, deadline: float) -> bytes:
        """The next bytes; b"" when the API ended the connection in order. LostError if not."""
        while True:
            try:
                return self._socket.recv(_READ)
            except (BlockingIOError, ssl.SSLWantReadError):
                wait(self, select.POLLIN, deadline)
            except ssl.SSLEOFError:
                # Under TLS an end without close_notify may have been made by anybody.
                if fault("tls_cut_is_an_end"):
                    return b""
                raise LostError("the TLS connection was cut") from None
            except OSError as error:
                raise LostError(_told(error)) from error

    def receive_now(self) -> bytes | None:
        """What has come already; None when nothing has."""
        try:
            return self._socket.recv(_READ)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError as error:
            raise LostError(_told(error)) from error

    def send(self, data: memoryview) -> int:
        """Send what fits now, perhaps nothing."""
        try:
            return self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
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
        self._tls = _tls_context(api) if api.tls else None
        self._host, self._port = api.host, api.port
        if fault("proxy_trusted") and not api.socket:
            proxy = os.environ.get("http_proxy") or os.environ.get("HTTP_PROXY")
            if proxy and (parts := urlsplit(proxy)).hostname:
                self._host, self._port = parts.hostname, parts.port or 80

    def connection(self, wait: Wait, *, fresh: bool) -> Connection:
        """A connection, a kept one unless it shall be fresh. LostError, TimeUpError."""
        if not fresh and (kept := self._kept()):
            return kept
        seconds = 1e6 if fault("no_connect_timeout") else self._connect_timeout
        deadline = time.monotonic() + seconds
        if fault("connects_one_at_a_time"):
            with self._lock:
                return self._connect(wait, deadline)
        return self._connect(wait, deadline)

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
            unasked = fault("returned_unfinished") or fault("kept_when_client_left")
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
            return Connection(self._wrap(sock, wait, deadline) if self._tls else sock)
        except BaseException:
            sock.close()
            raise

    def _wrap(self, sock: socket.socket, wait: Wait, deadline: float) -> ssl.SSLSocket:
        assert self._tls is not None
        wrapped = self._tls.wrap_socket(
            sock,
            server_hostname=self.api.host,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,
        )
        try:
            while True:
                try:
                    wrapped.do_handshake()
                    return wrapped
                except ssl.SSLWantReadError:
                    wait(wrapped, select.POLLIN, deadline)
                except ssl.SSLWantWriteError:
                    wait(wrapped, select.POLLOUT, deadline)
        except OSError as error:
            wrapped.close()
            raise LostError(_told(error)) from error
        except BaseException:
            wrapped.close()
            raise


def _tls_context(api: Api) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if api.ca_file:
        context.load_verify_locations(api.ca_file)
    context.set_alpn_protocols(["h2" if api.http2 else "http/1.1"])
    told = api.insecure and not fault("insecure_flag_ignored")
    if told or fault("tls_unverified"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _told(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    return error.strerror or str(error)
