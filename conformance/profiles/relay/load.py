"""The load test of a relay: one client sends one request at a time, and compares every chunk."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

from conformance.checks.sent import decoded
from conformance.core import chunk
from conformance.core.evidence import JournalEntry
from conformance.core.finding import ScenarioStopped
from conformance.profiles.load_client import Answered, Crowd, LoadClient, Work
from conformance.profiles.relay.bench import RelayBench


class RelayClient:
    """A client of a relay. Each request is an exchange of its own, on a new connection."""

    def __init__(self, work: Work, bench: type[RelayBench]) -> None:
        self._work = work
        self._bench_type = bench

    async def enter(self) -> None:
        """Do nothing: connecting is a part of what is measured."""

    async def ask(self) -> Answered:
        """Send a request, and check the whole answer. Raises ScenarioStopped."""
        bench = self._bench_type(self._work.scenario, self._work.environment)
        began = time.monotonic()
        exchange = bench.exchange(pattern=self._work.pattern, request={"prompt": self._work.prompt})
        checks = await bench.finished(exchange)
        checks.no_error().content_as_sent().events_in_order().done_marker()
        if bench.findings:
            raise ScenarioStopped(bench.findings[0])
        arrivals = [event.at for event in checks.deltas]
        left = _left(checks.observation.upstream[-1])
        return Answered(
            first=arrivals[0] - began,
            last=arrivals[-1] - began,
            chunks=len(arrivals),
            gaps=tuple(after - before for before, after in pairwise(arrivals)),
            added=tuple(here - there for here, there in zip(arrivals, left, strict=False)),
        )

    async def leave(self) -> None:
        """Do nothing: each exchange has closed its connection."""


def _left(entry: JournalEntry) -> list[float]:
    """When each chunk with text left the mock API; its clock is this machine's."""
    return [event.at for event in entry.events if chunk.text_of(decoded(event.data))]


def crowd(bench: type[RelayBench]) -> Crowd:
    """Makes the clients of a relay's load test."""

    @asynccontextmanager
    async def clients(work: Work) -> AsyncIterator[Callable[[], LoadClient]]:
        yield lambda: RelayClient(work, bench)

    return clients
