"""The web server's end of a handoff: a connection to the daemon's Unix socket.

The web server connects, sends one message and closes. A Sender does each step by
itself, so that a scenario can do it wrongly: send nothing, or in parts; without a
descriptor, or with many; any bytes as data; and stay to see the daemon's reaction.
Nothing here blocks the event loop, and all waiting ends at a deadline.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import socket
import struct
import termios
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from conformance.core.socket_type import SocketType
from conformance.profiles.relay.opening import OpeningError

RETRIES = (0.010, 0.020)
"""Pauses, in seconds, after which the web server retries where no daemon listens."""

BACKLOG_PAUSE = 0.002
"""Seconds between tries while the daemon's backlog is full; the kernel offers no event for it.
The web server would answer 503 here. The suite starts a whole catalog at once, and waits."""

TAKEN_PAUSE = 0.001
"""Seconds between two looks at the unread bytes; the kernel offers no event for them either."""


class HandoffError(OpeningError):
    """The handoff could not be delivered. The message gives the reason and a remedy."""


class NotListeningError(HandoffError):
    """No daemon listens on the socket: ENOENT or ECONNREFUSED, also after the retries."""


class WrongSocketTypeError(HandoffError):
    """The daemon listens on the other socket type: EPROTOTYPE."""


class BacklogFullError(HandoffError):
    """The daemon accepted nothing until the deadline."""


class MessageTooLargeError(HandoffError):
    """The payload does not fit into one message: EMSGSIZE."""


class PeerLeftError(HandoffError):
    """The daemon closed the connection before the message was sent: EPIPE or ECONNRESET."""


class Sender:
    """A connection to the daemon's socket; an async context manager that closes it."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        socket_type: SocketType,
        deadline: float,
        send_buffer: int | None = None,
    ) -> None:
        """Prepare it; `async with` connects.

        `deadline` bounds connecting and every send, in time.monotonic() seconds.
        `send_buffer` is SO_SNDBUF in bytes. It bounds a message; the kernel
        doubles it, up to twice net.core.wmem_max.
        """
        self.path = os.fspath(path)
        self._type = socket_type
        self._deadline = deadline
        self._send_buffer = send_buffer
        self._socket = socket.socket(socket.AF_UNIX, socket_type.number)

    async def __aenter__(self) -> Self:
        """Connect as the web server does. Raises HandoffError."""
        try:
            self._socket.setblocking(False)
            if self._send_buffer is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer)
            await self._connect()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave; the bytes that were sent stay in the daemon's queue."""
        self._socket.close()

    async def send(self, data: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send one message: these bytes, unchanged, and these descriptors.

        On a STREAM socket the bytes that do not fit at once follow. Raises HandoffError.
        """
        try:
            sent = (
                socket.send_fds(self._socket, [data], descriptors)
                if descriptors
                else self._socket.send(data)
            )
            if sent < len(data):
                async with asyncio.timeout(max(0.0, self._deadline - time.monotonic())):
                    await asyncio.get_running_loop().sock_sendall(self._socket, data[sent:])
        except TimeoutError:
            raise PeerLeftError(
                f"the daemon on {self.path} did not read the {len(data)} bytes of handoff "
                "data by the deadline"
            ) from None
        except OSError as error:
            raise self._failure(error, len(data)) from error

    def end(self) -> None:
        """End the data: on a STREAM socket by EOF; a SEQPACKET message has its own end."""
        if self._type is SocketType.STREAM:
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError as error:
                raise self._failure(error, 0) from error

    async def taken(self, *, within: float) -> bool:
        """Wait until the daemon has read every byte; False where it has not by then.

        From then on the daemon holds the descriptors, or they are gone.
        """
        end = time.monotonic() + within
        while self._unread():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(TAKEN_PAUSE)
        return True

    async def left(self, *, within: float) -> bool:
        """Wait until the daemon has closed its end; False where it has not by then."""
        try:
            async with asyncio.timeout(within):
                await asyncio.get_running_loop().sock_recv(self._socket, 1)
        except TimeoutError:
            return False
        except OSError:
            pass  # reset: it closed with unread bytes
        return True

    def is_open(self) -> bool:
        """Whether the daemon still holds its end."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def _unread(self) -> int:
        answer = fcntl.ioctl(self._socket, termios.TIOCOUTQ, b"\0\0\0\0")
        count: int = struct.unpack("i", answer)[0]
        return count

    async def _connect(self) -> None:
        retries = iter(RETRIES)
        while True:
            try:
                self._socket.connect(self.path)
            except BlockingIOError:
                pause = BACKLOG_PAUSE
                if time.monotonic() + pause > self._deadline:
                    raise BacklogFullError(
                        f"the backlog of {self.path} was full until the deadline: the daemon "
                        "accepts too slowly, or not at all"
                    ) from None
            except (FileNotFoundError, ConnectionRefusedError) as error:
                pause = next(retries, -1.0)
                if pause < 0:
                    raise self._failure(error, 0) from error
            except OSError as error:
                raise self._failure(error, 0) from error
            else:
                return
            await asyncio.sleep(pause)

    def _failure(self, error: OSError, size: int) -> HandoffError:
        path = self.path
        match error.errno:
            case errno.ENOENT:
                return NotListeningError(f"no socket at {path}: the daemon did not create it")
            case errno.ECONNREFUSED:
                return NotListeningError(
                    f"no daemon listens on {path} (connection refused): it has died, or did not "
                    "remove its socket"
                )
            case errno.EPROTOTYPE:
                other = next(kind for kind in SocketType if kind is not self._type)
                return WrongSocketTypeError(
                    f"the manifest says {self._type.value} but the daemon listens on {other.value} "
                    f"({path}); set socket_type to what the daemon uses"
                )
            case errno.EMSGSIZE:
                return MessageTooLargeError(
                    f"{size} bytes of handoff data do not fit into one message; the largest is "
                    "212,960 bytes with the default send buffer"
                )
            case errno.EPIPE | errno.ECONNRESET:
                return PeerLeftError(
                    f"the daemon on {path} closed the connection before the handoff was sent"
                )
            case _:
                return HandoffError(f"handoff to {path}: {error}")
