"""The daemon's own socket file: claimed without stealing, removed without stealing.

Three daemons may look at one path at the same time: one that died and left
its file, one that lives, one that starts. A file whose socket refuses
connections belongs to a dead one and is replaced; anything else is left alone.
Looking and binding happen under a lock on the directory, which leaves no lock
file behind.
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
"""A full backlog is an error page for a user; the kernel caps it at somaxconn."""


class SocketFileTakenError(Exception):
    """The path is in use; the text says by what."""


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
                path.chmod(mode)  # before listen: nobody can connect until then
                self.socket.listen(_BACKLOG)
        except BaseException:
            self.socket.close()
            raise

    def remove(self) -> None:
        """Remove the file, unless it has become somebody else's. May be called again."""
        with contextlib.suppress(OSError), _locked(self._path.parent):
            if _identity(self._path) == self._identity:
                self._path.unlink()


def _clear(path: Path) -> None:
    """Make room at the path, if what is there is a dead daemon's."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketFileTakenError(f"{path} exists and is no socket; it is left alone")
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
