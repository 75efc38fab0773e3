"""An Exchange: one client conversation with the daemon, while it happens.

It adds to the client's side the events that a scenario waits for, and the journal of
the upstream side. Each read goes through the response parser at once, so that a scenario
can wait for events and act in the middle of the stream. Waiting always ends: with the
event, with the exchange's end, or at the deadline. The latter two raise
ScenarioStopped; its finding is recorded in `failures` already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from conformance.checks import Checks
from conformance.core.evidence import (
    End,
    Ending,
    Event,
    JournalEntry,
    Observation,
    Response,
)
from conformance.core.finding import FindingKind, ScenarioStopped
from conformance.core.quoting import arrived, last_place, stretched
from conformance.profiles.relay.client_side import READ_SIZE, ClientSide
from conformance.profiles.relay.mock_api import MockApi
from conformance.profiles.relay.opening import Opening

SETTLING = 2.0
"""Seconds until the journal must show what the client's side implies: a request, or the end of
one whose answer is complete. With a right daemon this takes one turn of the mock API's event
loop; a wrong daemon costs all of it."""


class Exchange(ClientSide):
    """One client conversation; an async context manager that releases its connection."""

    def __init__(
        self,
        opening: Opening,
        *,
        token: str,
        upstream: MockApi,
        deadline: float,
        read_size: int = READ_SIZE,
        scale: float = 1.0,
        checks: type[Checks] = Checks,
        clause: str | None = None,
        declared: tuple[str, ...] = (),
    ) -> None:
        """Prepare the exchange; nothing is opened before `async with`.

        `scale` stretches the time bounds that scenarios give, on a machine slower than
        calm. `checks` is the profile's vocabulary of assertions. `declared` is how the daemon
        declares to reach the API. The others are as for a ClientSide.
        """
        super().__init__(opening, deadline=deadline, read_size=read_size, clause=clause)
        self.token = token
        self.upstream = upstream
        self._scale = scale
        self._checks = checks
        self._declared = declared
        self.ran: dict[str, None] = {}
        """The names of the checks that had something to look at, in order."""
        self._observation: Observation | None = None

    @property
    def observation(self) -> Observation | None:
        """All the evidence; None before the exchange is finished."""
        return self._observation

    # The API's gates

    async def open_gate(self, number: int) -> None:
        """Let the API's answer pass its gates up to this one."""
        self.marks.append((time.monotonic(), f"gate {number} opened"))
        await self.upstream.open_gate(self.token, number)

    async def step_through(self, gates: int) -> None:
        """Open the gates one by one, each once the client has as many events (see `gated`).

        Where an event does not arrive, all gates are opened. If the answer then is whole, the
        daemon held that event back, which is recorded here (R7). If not, its checks report that.
        """
        events = self._reading.parser.events
        for number in range(1, gates + 1):
            half = (time.monotonic() + self.deadline) / 2
            if not await self._reading.until(partial(_has, events, number), deadline=half):
                await self.open_gate(gates)
                checks = self._checks(await self.finish())
                if not checks.content_as_sent().events_in_order().failures:
                    expected = f"event {number}, before the API sends the next one"
                    where = last_place(checks.response)
                    self._note(
                        "step_through", FindingKind.LATE, expected, "it came only after that", where
                    )
                return
            await self.open_gate(number)

    # What a scenario waits for

    async def head(self) -> Response:
        """Wait for the response's head. Raises ScenarioStopped as `events` does."""
        parser = self._reading.parser
        if not await self._until(lambda: parser.head_seen):
            raise await self._missed("head", "a complete response head")
        return self.seen()

    async def events(self, n: int) -> tuple[Event, ...]:
        """Wait until `n` events in all have been dispatched, and return those seen.

        Raises ScenarioStopped where the exchange ends before, or the deadline passes.
        """
        events = self._reading.parser.events
        if not await self._until(lambda: len(events) >= n):
            raise await self._missed("events", f"at least {n} events")
        return tuple(events)

    async def ended(self) -> Ending:
        """Wait until the exchange has ended, or the deadline has passed; return which."""
        self.resume()
        await self._until(lambda: False)
        return self._reading.ending or Ending.DEADLINE

    async def asked(self, *, clause: str | None = None) -> None:
        """Wait until the API has received a request. Raises ScenarioStopped otherwise (U1)."""
        within = SETTLING * self._scale
        if not await self.upstream.wait(self.token, state="received", within=within, brief=True):
            kind, expected = FindingKind.REQUEST, "the API is asked"
            actual = f"it received no request within {stretched(SETTLING, self._scale)}"
            raise ScenarioStopped(
                self._note(
                    "asked",
                    kind,
                    expected,
                    actual,
                    "upstream",
                    clause=clause or self._clause,
                    unserved=True,
                )
            )

    async def applied(self, pattern: str | None) -> None:
        """Check, reading no further, that the API was asked for this pattern (U1)."""
        within = SETTLING * self._scale
        entries = await self.upstream.wait(self.token, state="received", within=within)
        self._check(self._observed(entries)).applied(pattern)

    async def upstream_ended(self, within: float = 2.0, *, clause: str | None = None) -> None:
        """Check that the upstream request ends within this time from now (U5)."""
        check, bound = "upstream_ended", stretched(within, self._scale)
        expected = f"the upstream request ends within {bound}"
        within *= self._scale
        entries = await self.upstream.wait(self.token, state="ended", within=within, brief=True)
        if not entries:
            actual = "the API received no request"
            self._note(check, FindingKind.REQUEST, expected, actual, "upstream")
        for entry in entries:
            if entry.end is End.RUNNING:
                actual = f"it was still running, {len(entry.events)} events sent"
                where = f"upstream request {entry.id}"
                self._note(check, FindingKind.RUNS_ON, expected, actual, where, clause=clause)

    async def finish(self, *, brief: bool = False) -> Observation:
        """Read to the end (or the deadline), fetch the journal, return all the evidence.

        The evidence is taken once; a second call returns the same. `brief`: without the events
        that the API sent, for an answer so large that fetching them would delay others.
        """
        if self._observation is not None:
            return self._observation
        ending = await self.ended()
        if self._reading.ending is None:
            self._reading.end(ending)
        if brief:
            entries = await self.upstream.wait(
                self.token, state="received", within=SETTLING, brief=True
            )
        else:
            entries = await self.upstream.journal(self.token)
        if not brief and ending.orderly and any(entry.end is End.RUNNING for entry in entries):
            entries = await self.upstream.wait(self.token, state="ended", within=SETTLING)
        self._observation = self._observed(entries, brief=brief)
        return self._observation

    async def response(self, *, brief: bool = False) -> Checks:
        """The finished exchange, to be checked. Its failures are also this exchange's."""
        return self._check(await self.finish(brief=brief))

    def _observed(self, entries: tuple[JournalEntry, ...], *, brief: bool = False) -> Observation:
        return Observation(
            self.seen(), entries, asked=self.opening.asked, declared=self._declared, brief=brief
        )

    def _check(self, observation: Observation) -> Checks:
        checks = self._checks(observation, failures=self.failures, clause=self._clause)
        self.ran = checks.ran = self.ran | checks.ran
        return checks

    async def _until(self, satisfied: Callable[[], bool]) -> bool:
        return await self._reading.until(satisfied, deadline=self.deadline)

    # Failing

    async def _missed(self, check: str, expected: str) -> ScenarioStopped:
        seen = self.seen()
        kind = await self._why_missed(seen)
        actual, where = arrived(seen), last_place(seen)
        return ScenarioStopped(
            self._note(check, kind, expected, actual, where, clause=self._clause)
        )

    async def _why_missed(self, seen: Response) -> FindingKind:
        if not self._reading.reads and not await self.upstream.journal(self.token):
            return FindingKind.NOT_SERVED
        if seen.status == 503:  # the daemon's own answer, without the API
            return FindingKind.FULL
        return FindingKind.LATE if self._reading.ending is None else FindingKind.EVENTS


def _has(events: Sequence[Event], count: int) -> bool:
    return len(events) >= count
