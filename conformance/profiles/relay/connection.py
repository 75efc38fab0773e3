"""A client's connection that is one plain socket."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable


class SocketConnection:
    """A non-blocking socket, read by the event loop."""

    def __init__(self, client: socket.socket, *, held: str, delay_acks: bool = False) -> None:
        """Wrap the socket.

        held: the daemon's end, as /proc names it.
        delay_acks: acknowledge received bytes late, as a client without TCP_QUICKACK does.
        """
        self.socket = client
        self.held = held
        self._delay_acks = delay_acks

    def find_held(self) -> str:
        """The daemon's end, looked up where it was not known from the beginning."""
        return self.held

    def watch(self, readable: Callable[[], None]) -> None:
        """Call `readable` whenever there may be bytes to receive."""
        asyncio.get_running_loop().add_reader(self.socket, readable)

    def unwatch(self) -> None:
        """Receive no further; the kernel's buffers fill up."""
        asyncio.get_running_loop().remove_reader(self.socket)

    def recv(self, size: int) -> bytes:
        """Receive at most `size` bytes; empty at EOF. Raises OSError."""
        data = self.socket.recv(size)
        if data and self._delay_acks:
            # The kernel forgets the option after some acknowledgements (tcp(7)).
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        return data

    def send(self, data: bytes) -> int:
        """Send bytes towards the daemon; returns how many the kernel took."""
        return self.socket.send(data)

    def half_close(self) -> None:
        """Shut down the client's sending side."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Leave: FIN, or RST where bytes were left unread."""
        self.socket.close()

    def reset(self) -> None:
        """Leave with RST, by SO_LINGER 0. On an AF_UNIX pair this is a plain close."""
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()
