"""The opening of a handoff: the client's socket is passed to the daemon.

The web server connects to the daemon's Unix socket, sends one message (the
handoff data and the client's descriptor), reads nothing back and closes. The
options that it had set on the client's socket (O_NONBLOCK, TCP_NODELAY) stay
set, because both descriptors share one file description.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypedDict

from conformance.core.evidence import Asked
from conformance.core.socket_type import SocketType
from conformance.profiles.handoff.client_pair import ClientKind, Pair, pair, target
from conformance.profiles.handoff.payload import NO_DATA, asked
from conformance.profiles.handoff.sender import Sender
from conformance.profiles.relay.connection import SocketConnection
from conformance.wire.response import ResponseParser


class PairOptions(TypedDict, total=False):
    """How the client's connection is made; see client_pair.pair."""

    client: ClientKind
    blocking: bool
    receive_buffer: int
    send_buffer: int
    nodelay: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How the message is sent, where that differs from what a web server does."""

    sender: Sender | None = None
    """The connection to send it by. It stays open, and empty data is sent as it is."""
    before: Sequence[int] = ()
    """Descriptors in the same message, before the client's."""
    after: Sequence[int] = ()
    """Descriptors in the same message, after the client's."""
    cuts: Sequence[int] = ()
    """STREAM only: offsets in the data, negative ones from its end. The part after a cut is
    sent once the daemon has read the part before it."""
    ends: bool = True
    """STREAM only: whether EOF follows the data."""
    keep_copy: bool = False
    """Whether the sender keeps its copy of the client's descriptor."""


TAKEN = 2.0
"""Seconds in which a daemon has read one part of the data, before the next one is sent."""


class HandedOff:
    """One handoff; the Opening of the profile `handoff`."""

    name = "handoff"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        socket_type: SocketType,
        payload: bytes,
        pair_options: PairOptions | None = None,
        delivery: Delivery | None = None,
    ) -> None:
        """Prepare it. `path` is the daemon's socket, `payload` the handoff data."""
        self.request = payload
        self._path = path
        self._socket_type = socket_type
        self._options = pair_options or PairOptions()
        self._delivery = delivery or Delivery()
        self._pair: Pair | None = None

    @property
    def asked(self) -> Asked:
        """The upstream request that the handoff data asks for."""
        return asked(self.request)

    def parser(self) -> ResponseParser:
        """A parser that allows only the connection's end to frame an event stream (R1)."""
        return ResponseParser()

    async def connect(self, *, deadline: float) -> SocketConnection:
        """Make the client's connection; a loopback connect completes at once."""
        self._pair = pair(**self._options)
        return SocketConnection(
            self._pair.client,
            held=target(self._pair.server.fileno()),
            delay_acks=not self._options.get("nodelay", True),
        )

    async def begin(self, *, deadline: float) -> float:
        """Hand the client's socket over. Raises HandoffError."""
        assert self._pair is not None, "connect() comes first"
        delivery = self._delivery
        descriptors = [*delivery.before, self._pair.server.fileno(), *delivery.after]
        try:
            if delivery.sender is not None:
                return await self._send_by(delivery.sender, descriptors)
            return await send(
                self._path,
                socket_type=self._socket_type,
                payload=self.request,
                descriptors=descriptors,
                deadline=deadline,
            )
        finally:
            if not delivery.keep_copy:
                self._pair.server.close()

    async def _send_by(self, sender: Sender, descriptors: Sequence[int]) -> float:
        began = time.monotonic()
        size = len(self.request)
        cuts = [cut % size for cut in self._delivery.cuts]
        for start, end in pairwise((0, *cuts, size)):
            await sender.taken(within=TAKEN)
            await sender.send(self.request[start:end], descriptors if not start else ())
        if self._delivery.ends:
            sender.end()
        return began

    def release(self) -> None:
        """Close both ends of the client's connection."""
        if self._pair is not None:
            self._pair.close()


async def send(
    path: str | os.PathLike[str],
    *,
    socket_type: SocketType,
    payload: bytes,
    descriptors: Sequence[int],
    deadline: float,
) -> float:
    """Send one handoff to the daemon's socket; returns when it was sent.

    One message carries the payload (NO_DATA where it is empty) and all descriptors,
    which stay the caller's. On a STREAM socket the rest of a large payload follows,
    then EOF. The connection is closed at once. `deadline` and the returned time are
    time.monotonic() seconds. Raises HandoffError.
    """
    async with Sender(path, socket_type=socket_type, deadline=deadline) as sender:
        sent_at = time.monotonic()
        await sender.send(payload or NO_DATA, descriptors)
        sender.end()
        return sent_at
