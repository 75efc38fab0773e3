"""A running daemon, as scenarios and reports see it.

Instance is the seam. A DaemonProcess (process.py) was started by the suite. Attached and
Remote are daemons that another process serves, and of which less is known. The process
behind a Unix socket is found by its credentials, but not its log. Behind a URL, only the
answers are known.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from conformance.core.socket_type import SocketType
from conformance.daemon.failures import NotServedError

REACH = 5.0
"""Seconds that a connection over TCP may take."""


class Instance(Protocol):
    """One running daemon."""

    @property
    def socket(self) -> Path:
        """The Unix socket on which it takes handoffs."""

    @property
    def socket_type(self) -> SocketType:
        """The type of that socket."""

    @property
    def url(self) -> str:
        """Where it is reached over TCP; empty for a daemon that takes handoffs."""

    @property
    def pid(self) -> int | None:
        """Its main process; None where it is not known."""

    def alive(self) -> bool:
        """Whether it still runs, or still accepts where no process is known."""

    def log_tail(self, lines: int = 20) -> str:
        """The end of its output, or an empty string."""

    def log_mark(self) -> int:
        """Where its output ends now, for log_since."""

    def log_since(self, mark: int) -> str:
        """What it has written since then, or an empty string."""

    def describe_exit(self) -> str | None:
        """How it ended, as a phrase that follows its name; None while it runs."""


class Attached:
    """A daemon that serves a Unix socket already."""

    url = ""

    def __init__(self, path: Path) -> None:
        """Find out what serves this socket. Raises NotServedError."""
        self.socket = path
        self.socket_type, self.pid = _knock(path)

    def alive(self) -> bool:
        """Whether it still accepts."""
        return try_connect(self.socket, self.socket_type) in (None, errno.EAGAIN)

    def log_tail(self, lines: int = 20) -> str:
        """An empty string: the suite does not have its log."""
        return ""

    def log_mark(self) -> int:
        """0: the suite does not have its log."""
        return 0

    def log_since(self, mark: int) -> str:
        """An empty string: the suite does not have its log."""
        return ""

    def describe_exit(self) -> str | None:
        """The error of a connect, where it no longer accepts."""
        problem = try_connect(self.socket, self.socket_type)
        if problem in (None, errno.EAGAIN):
            return None
        return f"no longer accepts on {self.socket} ({os.strerror(problem)})"


class Remote:
    """A daemon that is served at a URL already."""

    socket = Path(os.devnull)
    socket_type = SocketType.STREAM
    pid = None

    def __init__(self, url: str) -> None:
        """Find out whether this URL is served. Raises NotServedError."""
        self.url = url
        if problem := try_reach(url):
            raise NotServedError(
                f"{url} cannot be connected to: {os.strerror(problem)}; "
                "start the daemon first, or correct the URL"
            )

    def alive(self) -> bool:
        """Whether it still accepts."""
        return try_reach(self.url) is None

    def log_tail(self, lines: int = 20) -> str:
        """An empty string: the suite does not have its log."""
        return ""

    def log_mark(self) -> int:
        """0: the suite does not have its log."""
        return 0

    def log_since(self, mark: int) -> str:
        """An empty string: the suite does not have its log."""
        return ""

    def describe_exit(self) -> str | None:
        """The error of a connect, where it no longer accepts."""
        problem = try_reach(self.url)
        return None if problem is None else f"no longer accepts ({os.strerror(problem)})"


def try_reach(url: str) -> int | None:
    """Connect to a URL's host and port and close again; the error's number, or None."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme in ("wss", "https") else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=REACH):
            return None
    except socket.gaierror:
        return errno.EHOSTUNREACH
    except OSError as error:
        return error.errno or errno.ETIMEDOUT


def try_connect(path: Path, socket_type: SocketType) -> int | None:
    """Connect and close again; the error's number, or None where the daemon accepts.

    EAGAIN is a full backlog: a daemon listens. The daemon sees a connection without a
    handoff, which is not an error (contract H7).
    """
    with socket.socket(socket.AF_UNIX, socket_type.number) as knocker:
        knocker.setblocking(False)
        return knocker.connect_ex(str(path)) or None


def _knock(path: Path) -> tuple[SocketType, int | None]:
    problem = None
    for each in SocketType:
        with socket.socket(socket.AF_UNIX, each.number) as knocker:
            problem = knocker.connect_ex(str(path))
            if not problem:
                return each, _peer(knocker)
        if problem != errno.EPROTOTYPE:
            break
    fixes = {
        errno.ENOENT: "start the daemon first, or correct the path",
        errno.ECONNREFUSED: "the file is left over from a process that has ended: start the daemon",
        errno.EACCES: "run as a user who may write to the socket, or start it with --socket-mode",
    }
    raise NotServedError(
        f"{path} cannot be connected to: {os.strerror(problem or 0)}; "
        + fixes.get(problem or 0, "give the path of a listening Unix socket")
    )


def _peer(connected: socket.socket) -> int | None:
    """The process that called listen(), as the kernel recorded it (unix(7), SO_PEERCRED)."""
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid: int = struct.unpack("iII", credentials)[0]
    return pid or None
