"""What all connections of one worker share: the journal, the gates and the clock."""

from __future__ import annotations

from typing import Protocol

from mock_api.playing.gates import Gates
from mock_api.playing.journal import Journal
from mock_api.playing.timer_wheel import TimerWheel


class Closable(Protocol):
    """An open connection."""

    def close(self) -> None:
        """Close it now."""


class Services:
    """The parts of a worker that connections use together."""

    def __init__(self, journal_size: int) -> None:
        self.journal = Journal(journal_size)
        self.gates = Gates()
        self.timer_wheel = TimerWheel()
        self.connections: set[Closable] = set()
        """The connections that are open."""
        self._connections_made = 0

    def next_connection(self) -> int:
        """A number for a new connection, from 1."""
        self._connections_made += 1
        return self._connections_made
