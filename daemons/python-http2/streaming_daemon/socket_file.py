"""The daemon's own socket file: a daemon takes a path only from a dead daemon.

Three daemons may look at one path at the same time: one that died and left its
file, one that runs, one that starts. A file whose socket refuses connections
belongs to a dead daemon and is replaced; any other file stays. Looking and
binding happen under a lock on the directory, which needs no lock file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

_BACKLOG = 4096
"""A full backlog is an error page for a user; the kernel limits it to somaxconn."""


class SocketFileTakenError(Exception):
    """The path is in use; the text names the user."""


class SocketFile:
    """A listening socket at a path."""

    def __init__(self, path: Path, mode: int) -> None:
        """Raises SocketFileTakenError or OSError."""
        self._path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self.socket.setblocking(False)
            with _locked(path.parent):
                _clear(path)
                self.socket.bind(str(path))
                self._identity = _identity(path)
                path.chmod(mode)  # before listen: a peer cannot connect until then
                self.socket.listen(_BACKLOG)
        except BaseException:
            self.socket.close()
            raise

    def remove(self) -> None:
        """Remove the file, unless another process has replaced it. A second call does nothing."""
        with contextlib.suppress(OSError), _locked(self._path.parent):
            if _identity(self._path) == self._identity:
                self._path.unlink()


def _clear(path: Path) -> None:
    """Remove a dead daemon's socket file."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketFileTakenError(f"{path} exists and is not a socket; choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
        probe.setblocking(False)  # a live daemon's backlog may be full
        result = probe.connect_ex(str(path))
    if result == errno.ECONNREFUSED:
        path.unlink()
    elif result != errno.ENOENT:
        raise SocketFileTakenError(f"{path} is served by a running daemon; stop it first")


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
