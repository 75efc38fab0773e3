"""The two types of Unix socket on which daemons take handoffs."""

from __future__ import annotations

import errno
import socket
from enum import Enum
from pathlib import Path


class SocketType(Enum):
    """The type of a daemon's socket, as a manifest's `socket_type` names it."""

    SEQPACKET = "seqpacket"
    """One message is one handoff."""
    STREAM = "stream"
    """The handoff data ends at EOF; one handoff a connection."""

    @property
    def number(self) -> socket.SocketKind:
        """The constant for socket.socket()."""
        return socket.SOCK_SEQPACKET if self is SocketType.SEQPACKET else socket.SOCK_STREAM

    @classmethod
    def served_on(cls, path: Path) -> SocketType:
        """The type that is served there; SEQPACKET where nothing is."""
        with socket.socket(socket.AF_UNIX, cls.SEQPACKET.number) as knocker:
            knocker.setblocking(False)
            refused = knocker.connect_ex(str(path))
        return cls.STREAM if refused == errno.EPROTOTYPE else cls.SEQPACKET
