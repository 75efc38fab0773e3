"""The state that connections of both HTTP versions share: their peer, limits and clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from llm_gateway.message import Service


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what a client may cost."""

    body: int
    """Bytes of a request's body."""
    request_time: float
    """Seconds for a request's head, and between two reads of its body."""
    keep_alive: float
    """Seconds that a connection without requests stays open."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The settings that all connections share."""

    service: Service
    limits: Limits
    write_timeout: float
    """Seconds after which a client that takes no byte has left."""


class Connection(Protocol):
    """An open connection of a client."""

    @property
    def idle(self) -> bool:
        """Whether it has no request, complete or begun."""

    def drain(self) -> None:
        """Take no further requests, and close when the running ones have ended."""

    def abort(self) -> None:
        """Close now."""


class Alarm:
    """A timer that can be set again."""

    def __init__(self, on_alarm: Callable[[], None]) -> None:
        self._on_alarm = on_alarm
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Call back after this time instead of at the time set before."""
        self.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._on_alarm)

    def cancel(self) -> None:
        """Do not call back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
