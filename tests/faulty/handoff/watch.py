"""Waiting, with an eye on the client and one on the daemon's end.

While an exchange waits, two other events can happen first: the client leaves, or the
daemon must stop. Meanwhile the client's bytes are read and discarded, because the FIN of a
client that leaves can follow after unwanted bytes.
"""

from __future__ import annotations

import select
import socket
import time
from typing import Protocol

from switch import fault

_READ = 1 << 16


class ClientLeftError(Exception):
    """The client closed or reset its connection."""


class StoppedError(Exception):
    """The daemon's time to finish is over (L2)."""


class TimeUpError(Exception):
    """What was waited for did not come in time."""


class Polled(Protocol):
    """Anything with a descriptor."""

    def fileno(self) -> int: ...


class Wait(Protocol):
    """How an exchange waits: raises TimeUpError, or what else puts an end to it."""

    def __call__(self, other: Polled | None, events: int, deadline: float) -> None: ...


class Watch:
    """The eye on one client."""

    def __init__(self, client: socket.socket, stop: int) -> None:
        """stop: a descriptor that is readable when exchanges have to end."""
        self.stop = stop
        self.stopped = False
        """That was seen, and is not reported a second time."""
        self.began = False
        """The client was sent the head of the event stream."""
        self._socket = client

    def wait(self, other: Polled | None, events: int, deadline: float) -> None:
        """Wait until `other` is ready for these events; None stands for the client itself.

        Raises TimeUpError, ClientLeftError or StoppedError when that comes first.
        """
        poll = select.poll()
        watched = other is None or not fault("leaving_unseen_in_silence")
        if other is not None and fault("leaving_unseen_before_head") and not self.began:
            watched = False
        mine = select.POLLIN if watched else 0
        if other is None:
            mine |= events
        else:
            poll.register(other, events)
        if mine:
            poll.register(self._socket, mine)
        unstoppable = fault("stalled_extend_shutdown") and other is None
        if not self.stopped and not unstoppable:
            poll.register(self.stop, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeUpError
            ready = dict(poll.poll(left * 1000 + 1))
            if self.stop in ready:
                self.stopped = True
                raise StoppedError
            mine_now = ready.pop(self._socket.fileno(), 0)
            if watched and mine_now & ~select.POLLOUT:
                self._look()
            if ready or (other is None and mine_now & ~select.POLLIN):
                return

    def _look(self) -> None:
        """The client sent something, or has left."""
        try:
            data = self._socket.recv(_READ, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            raise ClientLeftError from error
        if not data or fault("input_is_leaving"):
            raise ClientLeftError


def wait_alone(other: Polled | None, events: int, deadline: float) -> None:
    """Wait without an eye on the client: it has been served."""
    assert other is not None
    poll = select.poll()
    poll.register(other, events)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeUpError
