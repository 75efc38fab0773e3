"""An Exchange: one client conversation with the daemon, while it happens.

It owns the client's socket from before the handoff until it is released, and
stamps every read. What arrives goes through the response parser at once, so
a scenario can wait for events and act in the middle of the stream. Waiting
always ends: with what was waited for, with the connection's end, or at the
exchange's deadline; the latter two raise ScenarioStopped, which carries the
failed check and is already noted in `failures`.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from conformance.checks import Checks
from conformance.core.evidence import (
    End,
    Ending,
    Event,
    JournalEntry,
    Observation,
    Response,
)
from conformance.core.finding import Finding, ScenarioStopped
from conformance.core.quoting import arrived, last_place
from conformance.core.socket_type import SocketType
from conformance.profiles.handoff import opening as handoff
from conformance.profiles.handoff.opening import ClientKind, HandoffError, Pair
from conformance.profiles.handoff.sender import Sender
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
    """One client conversation; an async context manager that releases its sockets."""

    def __init__(
        self,
        *,
        path: str | os.PathLike[str],
        socket_type: SocketType,
        payload: Mapping[str, Any] | bytes,
        token: str,
        upstream: Upstream,
        deadline: float,
        client: ClientKind = ClientKind.TCP,
        blocking: bool = False,
        receive_buffer: int | None = None,
        send_buffer: int | None = None,
        keep_copy: bool = False,
        nodelay: bool = True,
        read_size: int = READ_SIZE,
        scale: float = 1.0,
    ) -> None:
        """Prepare the exchange; nothing is opened before `async with`.

        `path` is the daemon's socket. `deadline` is absolute, in
        time.monotonic() seconds. `keep_copy` keeps the sender's copy of the
        descriptor until the exchange is released. Without `nodelay` it comes with Nagle's
        algorithm, and the client delays its acknowledgements. `scale` stretches the time
        bounds that scenarios give, on a machine slower than calm.
        """
        self.token = token
        self.upstream = upstream
        self.deadline = deadline
        self.failures: list[Finding] = []
        """Every failed check of this exchange, those of its `response` included."""
        self.payload = handoff.encode(payload)
        self._asked = payload if isinstance(payload, Mapping) else {}
        self._path = path
        self._socket_type = socket_type
        self._make_pair = partial(
            handoff.pair,
            client,
            blocking=blocking,
            receive_buffer=receive_buffer,
            send_buffer=send_buffer,
            nodelay=nodelay,
        )
        self._keep_copy = keep_copy
        self._scale = scale
        self._pair: Pair | None = None
        self._target = ""
        self._handed_off_at = time.monotonic()
        self._reading = Reading(size=read_size, delay_acks=not nodelay)
        self._observation: Observation | None = None

    # Its life

    async def __aenter__(self) -> Self:
        self._pair = self._make_pair()
        self._target = handoff.target(self._pair.server.fileno())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Close every socket the exchange holds. What was seen stays."""
        if self._pair is not None:
            self.close()
            self._pair.close()

    @property
    def handed(self) -> str:
        """What the daemon holds of this client, as /proc names it: `socket:[123]`."""
        return self._target

    async def start(
        self,
        sender: Sender | None = None,
        *,
        before: Sequence[int] = (),
        after: Sequence[int] = (),
        cuts: Sequence[int] = (),
        ends: bool = True,
        clause: str = "H1",
    ) -> None:
        """Hand the client's socket to the daemon and begin to read.

        sender: what to send it by; it then stays open, and an empty payload is sent as such.
        before, after: descriptors in the same message, beside the client's.
        cuts: offsets in the payload (STREAM only); what follows each is sent once the
        daemon has read what came before. ends: False to leave the data without its EOF.
        Raises ScenarioStopped, by this clause, when the handoff cannot be delivered.
        """
        pair = self._open()
        descriptors = [*before, pair.server.fileno(), *after]
        try:
            if sender is None:
                self._handed_off_at = await handoff.send(
                    self._path,
                    socket_type=self._socket_type,
                    payload=self.payload,
                    descriptors=descriptors,
                    deadline=self.deadline,
                )
            else:
                self._handed_off_at = time.monotonic()
                for start, end in pairwise((0, *cuts, len(self.payload))):
                    await sender.taken(within=SETTLING * self._scale)
                    await sender.send(self.payload[start:end], descriptors if not start else ())
                if ends:
                    sender.end()
        except HandoffError as error:
            self._reading.end(Ending.LEFT)
            expected = "the daemon takes the handoff"
            failure = self._note("handoff", clause, expected, str(error), "handoff")
            raise ScenarioStopped(failure) from None
        finally:
            if not self._keep_copy:
                pair.server.close()
        self.resume()

    # What the client does

    def pause(self) -> None:
        """Stop reading; the kernel's buffers fill up."""
        self._reading.stop()

    def resume(self) -> None:
        """Read again."""
        self._reading.start(self._open().client)

    def sip(self, size: int) -> None:
        """While paused: take at most so many bytes of what is there, and go on pausing."""
        self._reading.sip(self._open().client, size)

    def send(self, data: bytes) -> int:
        """Send bytes towards the daemon; returns how many the kernel took."""
        return self._open().client.send(data)

    def half_close(self) -> None:
        """Shut down the client's sending side and keep reading."""
        self._open().client.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Leave: close the connection (FIN, or RST where bytes were left unread)."""
        if self._reading.ending is None:
            self._reading.end(Ending.LEFT)
            self._open().client.close()

    def reset(self) -> None:
        """Leave with a RST, by SO_LINGER 0. On an AF_UNIX pair this is a plain close."""
        if self._reading.ending is None:
            linger = struct.pack("ii", 1, 0)
            self._open().client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close()

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
                checks = Checks(await self.finish())
                if not checks.content_as_sent().events_in_order().failures:
                    expected = f"event {number}, before the API sends what follows it"
                    where = last_place(checks.response)
                    self._note("step_through", "R7", expected, "it came only after that", where)
                return
            await self.open_gate(number)

    # What a scenario waits for

    async def head(self, *, clause: str | None = None) -> Response:
        """Wait for the response's head. Raises ScenarioStopped as `events` does."""
        parser = self._reading.parser
        if not await self._until(lambda: parser.head_seen):
            raise await self._missed("head", clause, "a complete response head")
        return self.seen()

    async def events(self, n: int, *, clause: str | None = None) -> tuple[Event, ...]:
        """Wait until `n` events in all have been dispatched, and return those seen.

        Raises ScenarioStopped when the connection ends before (R2) or the
        deadline passes (R7); H1 when there was no answer and no request to the API.
        """
        events = self._reading.parser.events
        if not await self._until(lambda: len(events) >= n):
            raise await self._missed("events", clause, f"at least {n} events")
        return tuple(events)

    async def ended(self) -> Ending:
        """Wait until the connection has ended, or the deadline has passed; say which."""
        self.resume()
        await self._until(lambda: False)
        return self._reading.ending or Ending.DEADLINE

    async def asked(self, *, clause: str = "U1") -> None:
        """Wait until the API has been asked. Raises ScenarioStopped when it is not (U1)."""
        within = SETTLING * self._scale
        if not await self.upstream.wait(self.token, state="received", within=within, brief=True):
            expected = "the API is asked"
            actual = f"it received no request within {within:g} s"
            raise ScenarioStopped(self._note("asked", clause, expected, actual, "upstream"))

    async def applied(self, pattern: str | None, *, clause: str = "U1") -> None:
        """Check, reading no further, that the API was asked for this pattern (U1)."""
        within = SETTLING * self._scale
        entries = await self.upstream.wait(self.token, state="received", within=within)
        seen = Observation(response=self.seen(), upstream=entries, asked=self._asked)
        Checks(seen, failures=self.failures).applied(pattern, clause=clause)

    async def upstream_ended(self, within: float = 2.0, *, clause: str = "U5") -> None:
        """Check that the upstream request ends within so many seconds from now (U5)."""
        within *= self._scale
        entries = await self.upstream.wait(self.token, state="ended", within=within, brief=True)
        expected = f"the upstream request ends within {within:g} s"
        if not entries:
            self._note("upstream_ended", "U1", expected, "the API received no request", "upstream")
        for entry in entries:
            if entry.end is End.RUNNING:
                self._note(
                    "upstream_ended",
                    clause,
                    expected,
                    f"it was still running, {len(entry.events)} events sent",
                    f"upstream request {entry.id}",
                )

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
        if (
            not brief
            and ending is Ending.EOF
            and any(entry.end is End.RUNNING for entry in entries)
        ):
            entries = await self.upstream.wait(self.token, state="ended", within=SETTLING)
        self._observation = Observation(response=self.seen(), upstream=entries, asked=self._asked)
        return self._observation

    async def response(self, *, brief: bool = False) -> Checks:
        """The finished exchange, to be checked. Its failures are also this exchange's."""
        return Checks(await self.finish(brief=brief), failures=self.failures)

    def seen(self) -> Response:
        """What has arrived so far, parsed."""
        return self._reading.seen(handoff=self.payload, handed_off_at=self._handed_off_at)

    async def _until(self, satisfied: Callable[[], bool]) -> bool:
        return await self._reading.until(satisfied, deadline=self.deadline)

    def _open(self) -> Pair:
        if self._pair is None:
            raise RuntimeError("an Exchange has its sockets inside `async with` only")
        return self._pair

    # Failing

    async def _missed(self, check: str, clause: str | None, expected: str) -> ScenarioStopped:
        seen = self.seen()
        if clause is None:
            clause = "R7" if self._reading.ending is None else "R2"
            if seen.status == 503:  # what a daemon says of itself
                clause = "L3"
            if not self._reading.reads and not await self.upstream.journal(self.token):
                clause = "H1"
        return ScenarioStopped(self._note(check, clause, expected, arrived(seen), last_place(seen)))

    def _note(self, check: str, clause: str, expected: str, actual: str, where: str) -> Finding:
        failure = Finding(check, expected, actual, where, clause)
        self.failures.append(failure)
        return failure


def _has(events: Sequence[Event], count: int) -> bool:
    return len(events) >= count
