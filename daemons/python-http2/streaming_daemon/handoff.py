"""Handoffs: accept peers, and receive one message with one descriptor from each.

A peer is the web server. It connects, sends its message in one piece and
leaves; usually the message has arrived when the daemon accepts. A silent peer
holds a descriptor until its timeout and delays no other peer. The daemon takes a
message whole or refuses it: it does not parse a truncated one. It drops a message
whose descriptors were truncated, because the client's may be missing.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import logging
import os
import socket
from collections.abc import Callable

log = logging.getLogger(__name__)

_MESSAGE_SIZE = 256 * 1024
"""A peer with the default send buffer can send 212,960 bytes."""
_MAX_DESCRIPTORS = 253
"""SCM_MAX_FD of the kernel: a descriptor without room here could not be closed."""
_ACCEPT_BATCH = 64
"""Peers accepted in one turn of the event loop."""
_PAUSE = 0.1
"""Seconds until the next try to accept when descriptors ran out."""
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_STREAM_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)

_buffer = bytearray(_MESSAGE_SIZE)  # one is enough, because receiving does not wait

Take = Callable[[socket.socket, bytes | None], None]
"""Takes a client's socket and the handoff data; None for data that was truncated."""


class Receiver:
    """Accepts peers on a listening socket and passes their handoffs on."""

    def __init__(self, listener: socket.socket, take: Take, *, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._take = take
        self._timeout = timeout
        self._pending: dict[socket.socket, asyncio.TimerHandle] = {}
        self._pause: asyncio.TimerHandle | None = None
        self._closing = False
        self.closed = False
        """The listener is closed, and every queued handoff has been received."""
        self._loop.add_reader(listener, self._on_acceptable)

    @property
    def pending(self) -> int:
        """The number of connected peers that have not sent yet."""
        return len(self._pending)

    def close(self) -> None:
        """Stop listening when every queued handoff has been received."""
        self._closing = True
        if self._pause is None:
            self._on_acceptable()

    def abort(self) -> None:
        """Stop listening, and close the peers that have not sent yet."""
        self._stop()
        for peer in list(self._pending):
            self._hang_up(peer)

    def _on_acceptable(self) -> None:
        accepted = 0
        while self._closing or accepted < _ACCEPT_BATCH:
            try:
                peer, _ = self._listener.accept()
            except BlockingIOError:
                if self._closing:
                    self._stop()
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._wait_for_room(error)
                    return
                continue  # this peer has left already
            accepted += 1
            peer.setblocking(False)
            if not self._receive(peer):
                self._loop.add_reader(peer, self._on_message, peer)
                self._pending[peer] = self._loop.call_later(self._timeout, self._hang_up, peer)

    def _wait_for_room(self, error: OSError) -> None:
        """Ignore the listener for a moment: it stays readable, and the loop would spin."""
        log.warning("cannot accept handoffs: %s", error.strerror)
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(_PAUSE, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._on_acceptable)
        self._on_acceptable()

    def _stop(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._listener)
            self._listener.close()

    def _on_message(self, peer: socket.socket) -> None:
        if self._receive(peer):
            self._pending.pop(peer).cancel()

    def _hang_up(self, peer: socket.socket) -> None:
        self._pending.pop(peer).cancel()
        self._loop.remove_reader(peer)
        peer.close()

    def _receive(self, peer: socket.socket) -> bool:
        """Receive the peer's message, if it has arrived, and close the peer."""
        try:
            size, control, flags, _ = peer.recvmsg_into(
                [_buffer],
                socket.CMSG_SPACE(_MAX_DESCRIPTORS * array.array("i").itemsize),
                socket.MSG_CMSG_CLOEXEC,
            )
        except BlockingIOError:
            return False
        except OSError:
            size, control, flags = 0, [], 0
        self._loop.remove_reader(peer)
        peer.close()
        descriptors = _descriptors(control)
        if flags & socket.MSG_CTRUNC:
            log.warning("dropped a handoff: its descriptor could not be received")
            _close(descriptors)
        elif descriptors:
            _close(descriptors[1:])
            client = _stream_socket(descriptors[0])
            if client is None:
                log.warning("dropped a handoff: its descriptor is not a connected stream socket")
            else:
                truncated = flags & socket.MSG_TRUNC
                self._take(client, None if truncated else bytes(_buffer[:size]))
        elif size:
            log.warning("dropped a handoff: it came without a descriptor")
        return True


def _descriptors(control: list[tuple[int, int, bytes]]) -> list[int]:
    """Every descriptor in every control message."""
    descriptors = array.array("i")
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return list(descriptors)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _stream_socket(descriptor: int) -> socket.socket | None:
    """The socket behind the descriptor if it is a connected stream; else close it."""
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError:
        _close([descriptor])
        return None
    try:
        if (
            sock.type == socket.SOCK_STREAM
            and sock.family in _STREAM_FAMILIES
            and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        ):
            sock.getpeername()  # raises ENOTCONN without a peer
            return sock
    except OSError:
        pass
    sock.close()
    return None
