"""Lateness: how much of a span of time the machine took from the suite and from a daemon."""

from __future__ import annotations

import time
from contextlib import suppress

from conformance.daemon import proc
from conformance.daemon.instance import Instance
from conformance.timing.loop_lag import LoopLag


class Lateness:
    """Measures from its making on."""

    def __init__(self, lag: LoopLag, instance: Instance) -> None:
        self._lag, self._instance = lag, instance
        self.began = time.monotonic()
        self._lost, self._starved = lag.lost, self._waited()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    @property
    def lost(self) -> float:
        """Seconds by which the suite, or the daemon, waited for a processor.

        A daemon that computes takes processors from itself and from the suite. Its own
        processor time is therefore not the machine's lateness.
        """
        lost = self._lag.lost - self._lost
        return max(lost, self._waited() - self._starved, 0.0)

    def _waited(self) -> float:
        """Seconds that the daemon has waited for a processor, less those that it had one."""
        pid = self._instance.pid
        if pid is None:
            return 0.0
        with suppress(OSError):
            return proc.starved(pid) - proc.cpu(pid)
        return 0.0
