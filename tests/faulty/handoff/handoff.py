"""Receiving a handoff: the data, and the descriptor of the client's connection.

Every descriptor that arrives belongs to this process from that moment. The daemon closes
all descriptors except the first, and the first as well unless it is a connected stream
socket. The control buffer has room for as many as one message can carry. So MSG_CTRUNC
means that the process is short of descriptors. Then the first one is not known, and the
daemon serves no client.
"""

from __future__ import annotations

import array
import os
import select
import socket
import stat
import time
from typing import NamedTuple

from switch import fault

MOST_DATA = 1 << 18
"""Bytes of handoff data taken; a SEQPACKET message can have 212,960 with the default send
buffer, and the contract asks for 131,072."""

MOST_DESCRIPTORS = 253
"""SCM_MAX_FD in the kernel."""


_forgotten: list[socket.socket] = []


class NoHandoffError(Exception):
    """There is no client to serve; every descriptor that arrived was closed.

    The message is for the log. It is empty for a peer that only connected and closed.
    """


class Handoff(NamedTuple):
    """A client to serve."""

    client: socket.socket
    data: bytes
    too_large: bool
    """There was more data than is taken: 413."""


def receive(peer: socket.socket, timeout: float) -> Handoff:
    """Take the one handoff that a connection carries. NoHandoffError when there is none."""
    deadline = time.monotonic() + timeout
    descriptors: list[int] = []
    try:
        data, too_large = _receive(peer, deadline, descriptors)
        if not descriptors:
            if not data:
                raise NoHandoffError
            if fault("no_descriptor_calls_api"):
                client, other = socket.socketpair()
                _forgotten.append(other)
                return Handoff(client, data, too_large)
            raise NoHandoffError("a message without a descriptor")
        client = _client(descriptors[0])
        del descriptors[0]
        return Handoff(client, data, too_large)
    finally:
        if descriptors and not fault("extra_descriptors_leaked"):
            for each in descriptors:
                os.close(each)


def _receive(peer: socket.socket, deadline: float, descriptors: list[int]) -> tuple[bytes, bool]:
    """One message (SEQPACKET), or all up to EOF (STREAM)."""
    stream = peer.type == socket.SOCK_STREAM
    most = MOST_DATA
    if fault("payload_cut_at_64k"):
        most = 1 << 16
    data, too_large = bytearray(), False
    while True:
        _wait(peer, deadline)
        part, more, flags = _message(peer, most)
        descriptors += more
        if flags & socket.MSG_CTRUNC:
            raise NoHandoffError("too few free descriptors: the control data was cut")
        too_large = too_large or bool(flags & socket.MSG_TRUNC)
        data += part
        if fault("timeout_until_data"):
            deadline = time.monotonic() + 1e6
        if len(data) > MOST_DATA:
            too_large = True
            del data[MOST_DATA:]
        if not (stream and part) or fault("stream_read_once"):
            return bytes(data), too_large and most == MOST_DATA


def _message(peer: socket.socket, most: int) -> tuple[bytes, list[int], int]:
    room = socket.CMSG_SPACE(MOST_DESCRIPTORS * array.array("i").itemsize)
    cloexec = 0 if fault("inheritable_descriptors") else socket.MSG_CMSG_CLOEXEC
    try:
        data, control, flags, _ = peer.recvmsg(most, room, cloexec | socket.MSG_DONTWAIT)
    except OSError as error:
        raise NoHandoffError(f"the peer's connection broke: {error}") from error
    found = array.array("i")
    for level, kind, content in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(content[: len(content) - len(content) % found.itemsize])
    return data, list(found), flags


def _wait(peer: socket.socket, deadline: float) -> None:
    poll = select.poll()
    poll.register(peer, select.POLLIN)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise NoHandoffError("a peer sent nothing in time")


def _client(descriptor: int) -> socket.socket:
    """The socket of a client that is connected; NoHandoffError for anything else."""
    problem = _problem(descriptor)
    if problem:
        raise NoHandoffError(f"the descriptor is {problem}")
    return socket.socket(fileno=descriptor)


def _problem(descriptor: int) -> str | None:
    """Why this descriptor is not a client; None for a client."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return "no socket"
    try:
        looked_at = socket.socket(fileno=descriptor)
    except OSError as error:
        return f"of no use: {error.strerror}"
    try:
        if looked_at.type != socket.SOCK_STREAM:
            return "no stream socket"
        looked_at.getpeername()
    except OSError as error:
        return f"not connected: {error.strerror}"
    finally:
        looked_at.detach()
    return None
