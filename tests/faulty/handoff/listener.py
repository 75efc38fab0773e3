"""The socket on which handoffs come (L1).

A file in the way is a socket that a killed daemon left behind, or a socket in use. Only a
refused connection tells them apart: then no process listens there. A regular file refuses
as well, so the file's type is checked first. At the end the daemon removes only the file
that it made, and not another file of the same name.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat

from switch import fault

BACKLOG = 1024
"""A full backlog is a 503 to a user; the kernel bounds this by net.core.somaxconn."""


class InUseError(Exception):
    """The path is taken; the message says by what."""


class Listener:
    """A listening Unix socket and its file."""

    def __init__(self, path: str, *, kind: int, mode: int) -> None:
        """kind: SOCK_SEQPACKET or SOCK_STREAM. InUseError, OSError."""
        self.socket = socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK)
        self._path = path
        _make_room(path, kind)
        before = os.umask(0o777 & ~mode)
        try:
            self.socket.bind(path)
        finally:
            os.umask(before)
        self._made = _identity(path)
        self.socket.listen(1 if fault("backlog_of_one") else BACKLOG)

    def remove(self) -> None:
        """Remove the file, if it is still the one made here. Who has connected stays so."""
        with contextlib.suppress(OSError):
            if _identity(self._path) == self._made:
                os.unlink(self._path)

    def close(self) -> None:
        """Stop listening."""
        self.socket.close()


def _make_room(path: str, kind: int) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if fault("stale_socket_refused"):
        raise InUseError(f"{path} exists")
    if not stat.S_ISSOCK(found.st_mode) and not fault("any_file_is_stale"):
        raise InUseError(f"{path} is no socket")
    if _is_live(path, kind) and not fault("live_socket_replaced"):
        raise InUseError(f"another daemon is listening on {path}")
    os.unlink(path)


def _is_live(path: str, kind: int) -> bool:
    with socket.socket(socket.AF_UNIX, kind | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        except OSError:
            # A full backlog, or a socket of the other type: it is in use.
            return True
        return True


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino
