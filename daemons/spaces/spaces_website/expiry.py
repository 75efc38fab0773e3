"""Requests whose time is over fail, whether or not anybody looks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta

from spaces_website.clock import Clock
from spaces_website.ledger import Ledger

log = logging.getLogger(__name__)

LONGEST_NAP = 30.0
"""Seconds after which the clock is read again: it may have been set."""


class Expiry:
    """Sleeps until the next deadline, again and again."""

    def __init__(self, ledger: Ledger, clock: Clock, *, time_limit: timedelta) -> None:
        self._ledger = ledger
        self._clock = clock
        self._message = timed_out(time_limit)
        self._sooner = asyncio.Event()

    def watch(self) -> None:
        """There is a new request: its deadline may be the next one."""
        self._sooner.set()

    def sweep(self) -> None:
        """Fail what is late now."""
        for request in self._ledger.expire(self._message):
            log.warning("request %s: failed, no result in time", request.id)

    async def run(self) -> None:
        """Until cancelled."""
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
    """What a user is told; with the usual limit, in the usual words."""
    seconds = limit.total_seconds()
    minutes = seconds / 60
    return f"请求超时（{minutes:g}分钟）" if minutes.is_integer() else f"请求超时（{seconds:g}秒）"
