"""The expiry of requests: a task that fails each request at its deadline."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta

from spaces_website.clock import Clock
from spaces_website.ledger import Ledger

log = logging.getLogger(__name__)

LONGEST_NAP = 30.0
"""Seconds until the clock is read again, because it may have been set."""


class Expiry:
    """A task that sleeps until the next deadline."""

    def __init__(self, ledger: Ledger, clock: Clock, *, time_limit: timedelta) -> None:
        self._ledger = ledger
        self._clock = clock
        self._message = timed_out(time_limit)
        self._sooner = asyncio.Event()

    def watch(self) -> None:
        """Wake the task after a new request, whose deadline may be the next one."""
        self._sooner.set()

    def sweep(self) -> None:
        """Fail the requests whose deadline has passed."""
        for request in self._ledger.expire(self._message):
            log.warning("request %s: failed, no result in time", request.id)

    async def run(self) -> None:
        """Run until the task is cancelled."""
        while True:
            self._sooner.clear()
            self.sweep()
            deadline = self._ledger.next_deadline()
            nap = None
            if deadline is not None:
                left = (deadline - self._clock.now()).total_seconds()
                nap = min(max(left, 0.0), LONGEST_NAP)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sooner.wait(), nap)


def timed_out(limit: timedelta) -> str:
    """The error text of an expired request, as the origin writes it."""
    seconds = limit.total_seconds()
    minutes = seconds / 60
    return f"请求超时（{minutes:g}分钟）" if minutes.is_integer() else f"请求超时（{seconds:g}秒）"
