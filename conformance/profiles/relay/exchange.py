"""An Exchange: one client conversation with the daemon, while it happens.

It owns the client's connection until it is released, and stamps every read.
Each read goes through the response parser at once, so that a scenario can wait
for events and act in the middle of the stream. Waiting always ends: with the
event, with the exchange's end, or at the deadline. The latter two raise
ScenarioStopped; its finding is recorded in `failures` already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Literal, Protocol, Self

from conformance.checks import Checks
from conformance.core.evidence import (
    End,
    Ending,
    Event,
    JournalEntry,
    Observation,
    Response,
)
from conformance.core.finding import Finding, FindingKind, ScenarioStopped
from conformance.core.quoting import arrived, last_place
from conformance.profiles.relay.opening import Connection, Opening, OpeningError
from conformance.profiles.relay.reading import Reading

READ_SIZE = 65536
"""Bytes asked for with each read, unless a scenario reads in sips."""

SETTLING = 2.0
"""Seconds until the upstream side must show what the client's side implies: a request that
was made, or the end of one whose answer is complete. On a daemon that is right this is one
turn of the mock API's event loop; a wrong one costs them all."""


class Upstream(Protocol):
    """What an exchange asks of the mock API."""

    async def journal(self, token: str) -> tuple[JournalEntry, ...]:
        """The requests that carried the token so far, in order of arrival."""
        ...

    async def wait(
        self,
        token: str,
        *,
        state: Literal["received", "ended"],
        within: float,
        brief: bool = False,
    ) -> tuple[JournalEntry, ...]:
        """The token's requests, once there is one and, for `ended`, none is running.

        After `within` seconds: what there is. `brief`: without what was said.
        """
        ...

    async def open_gate(self, token: str, count: int) -> None:
        """Let the token's answer pass its gates up to this one."""
        ...


class Exchange:
    """One client conversation; an async context manager that releases its connection."""

    def __init__(
        self,
        opening: Opening,
        *,
        token: str,
        upstream: Upstream,
        deadline: float,
        read_size: int = READ_SIZE,
        scale: float = 1.0,
        checks: type[Checks] = Checks,
        clause: str | None = None,
    ) -> None:
        """Prepare the exchange; nothing is opened before `async with`.

        `deadline` is absolute, in time.monotonic() seconds. `scale` stretches the time
        bounds that scenarios give, on a machine slower than calm. `checks` is the
        profile's vocabulary of assertions. `clause` is broken where the client is
        not served, unless the scenario's first clause is.
        """
        self.opening = opening
        self.token = token
        self.upstream = upstream
        self.deadline = deadline
        self.failures: list[Finding] = []
        """Every failed check of this exchange, those of its `response` included."""
        self._scale = scale
        self._checks = checks
        self._clause = clause
        self._connection: Connection | None = None
        self._held = ""
        self._began_at = time.monotonic()
        self._reading = Reading(opening.parser(), size=read_size)
        self._observation: Observation | None = None

    # Its life

    async def __aenter__(self) -> Self:
        """Connect. Raises ScenarioStopped where the daemon does not accept the connection."""
        try:
            self._connection = await self.opening.connect(deadline=self.deadline)
        except OpeningError as error:
            raise self._not_begun(error) from None
        self._held = self._connection.held
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Close everything that the exchange holds. What was seen stays."""
        if self._connection is not None:
            self.close()
            self._connection.close()
        self.opening.release()

    @property
    def held(self) -> str:
        """The daemon's end of the connection, as /proc names it: `socket:[123]`."""
        return self._held

    async def start(self) -> None:
        """Send the request and begin to read. Raises ScenarioStopped where that fails."""
        connection = self._open()
        try:
            self._began_at = await self.opening.begin(deadline=self.deadline)
        except OpeningError as error:
            raise self._not_begun(error) from None
        self._reading.start(connection)

    def _not_begun(self, error: OpeningError) -> ScenarioStopped:
        self._reading.end(Ending.LEFT)
        name = self.opening.name
        expected = f"the daemon takes the {name}"
        kind = FindingKind.NOT_SERVED
        return ScenarioStopped(
            self._note(name, kind, expected, str(error), name, clause=self._clause, unserved=True)
        )

    # What the client does

    def pause(self) -> None:
        """Stop reading; the kernel's buffers fill up."""
        self._reading.stop()

    def resume(self) -> None:
        """Read again."""
        self._reading.start(self._open())

    def sip(self, size: int) -> None:
        """While paused: take at most so many bytes of what is there, and stay paused."""
        self._reading.sip(self._open(), size)

    def send(self, data: bytes) -> int:
        """Send surplus bytes towards the daemon; returns how many the kernel took."""
        return self._open().send(data)

    def half_close(self) -> None:
        """Shut down the client's sending side and keep reading."""
        self._open().half_close()

    def close(self) -> None:
        """Leave: close the connection (FIN, or RST where bytes were left unread)."""
        if self._reading.ending is None:
            self._reading.end(Ending.LEFT)
            self._open().close()

    def reset(self) -> None:
        """Leave with a reset: RST, or RST_STREAM. On an AF_UNIX pair this is a plain close."""
        if self._reading.ending is None:
            self._reading.end(Ending.LEFT)
            self._open().reset()

    async def open_gate(self, number: int) -> None:
        """Let the API's answer pass its gates up to this one."""
        await self.upstream.open_gate(self.token, number)

    async def step_through(self, gates: int) -> None:
        """Open the gates one by one, each once the client has as many events (see `gated`).

        Where an event does not come, the rest is let go. If the answer then is whole, that event
        was held back, which is noted here (R7); if it is not, the checks of it will tell.
        """
        events = self._reading.parser.events
        for number in range(1, gates + 1):
            half = (time.monotonic() + self.deadline) / 2
            if not await self._reading.until(partial(_has, events, number), deadline=half):
                await self.open_gate(gates)
                checks = self._checks(await self.finish())
                if not checks.content_as_sent().events_in_order().failures:
                    expected = f"event {number}, before the API sends what follows it"
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
            actual = f"it received no request within {within:g} s"
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
        """Check that the upstream request ends within so many seconds from now (U5)."""
        within *= self._scale
        entries = await self.upstream.wait(self.token, state="ended", within=within, brief=True)
        check, expected = "upstream_ended", f"the upstream request ends within {within:g} s"
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

        The evidence is taken once; asked again, it is the same. `brief`: without what the API
        said, for an answer so large that to fetch it again would take the time of others.
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
        self._observation = self._observed(entries)
        return self._observation

    async def response(self, *, brief: bool = False) -> Checks:
        """The finished exchange, to be checked. Its failures are also this exchange's."""
        return self._check(await self.finish(brief=brief))

    def seen(self) -> Response:
        """What has arrived so far, parsed."""
        return self._reading.seen(
            opening=self.opening.name, request=self.opening.request, began_at=self._began_at
        )

    def _observed(self, entries: tuple[JournalEntry, ...]) -> Observation:
        return Observation(response=self.seen(), upstream=entries, asked=self.opening.asked)

    def _check(self, observation: Observation) -> Checks:
        return self._checks(observation, failures=self.failures, clause=self._clause)

    async def _until(self, satisfied: Callable[[], bool]) -> bool:
        return await self._reading.until(satisfied, deadline=self.deadline)

    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("an Exchange has its connection inside `async with` only")
        return self._connection

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

    def _note(
        self,
        check: str,
        kind: FindingKind,
        expected: str,
        actual: str,
        where: str,
        *,
        clause: str | None = None,
        unserved: bool = False,
    ) -> Finding:
        finding = Finding(check, expected, actual, where, clause, kind, unserved)
        self.failures.append(finding)
        return finding


def _has(events: Sequence[Event], count: int) -> bool:
    return len(events) >= count
