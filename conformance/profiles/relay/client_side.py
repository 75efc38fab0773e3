"""The client's side of an exchange: its connection, and everything that a client does.

A client connects, sends its request, reads, pauses, sends surplus bytes, and leaves in
one way or another. Waiting for the daemon, and the upstream side, are the Exchange's.
"""

from __future__ import annotations

import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from conformance.core.evidence import Ending, Response
from conformance.core.finding import FLOOD, Finding, FindingKind, ScenarioStopped
from conformance.profiles.relay import flood
from conformance.profiles.relay.opening import Connection, Opening, OpeningError
from conformance.profiles.relay.reading import Reading

READ_SIZE = 65536
"""Bytes asked for with each read, unless a scenario reads in sips."""


class ClientSide:
    """One client; an async context manager that releases its connection."""

    def __init__(
        self,
        opening: Opening,
        *,
        deadline: float,
        read_size: int = READ_SIZE,
        clause: str | None = None,
    ) -> None:
        """Prepare the client; nothing is opened before `async with`.

        `deadline` is absolute, in time.monotonic() seconds. `clause` is broken where the
        client is not served, unless the scenario's first clause is.
        """
        self.opening = opening
        self.deadline = deadline
        self.failures: list[Finding] = []
        """Every failed check of this exchange, those of its response included."""
        self.marks: list[tuple[float, str]] = []
        """What the client did besides reading, with its times."""
        self._clause = clause
        self._connection: Connection | None = None
        self._held = ""
        self._began_at = time.monotonic()
        self._reading = Reading(opening.parser, size=read_size, flooded=self._flooded)

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

    def find_held(self) -> None:
        """Look the daemon's end up, before the client leaves.

        A gateway's is known only while the connection is open.
        """
        if self._connection is not None:
            self._held = self._connection.find_held()

    async def start(self) -> None:
        """Send the request and begin to read. Raises ScenarioStopped where that fails."""
        connection = self._open()
        try:
            self._began_at = await self.opening.begin(deadline=self.deadline)
        except OpeningError as error:
            raise self._not_begun(error) from None
        self._reading.start(connection)

    def _flooded(self, actual: str) -> None:
        expected = f"an answer that ends, of at most {flood.MOST // flood.MIB} MiB"
        self._note(FLOOD, FindingKind.EVENTS, expected, actual, "response")
        self.reset()

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
        self._mark("paused")
        self._reading.stop()

    def resume(self) -> None:
        """Read again."""
        if self.marks and self.marks[-1][1] == "paused":
            self._mark("reads again")
        self._reading.start(self._open())

    def sip(self, size: int) -> None:
        """While paused: take at most `size` bytes that have arrived, and stay paused."""
        self._reading.sip(self._open(), size)

    def send(self, data: bytes) -> int:
        """Send surplus bytes towards the daemon; returns how many the kernel took."""
        self._mark(f"sent {len(data)} surplus bytes")
        return self._open().send(data)

    def half_close(self) -> None:
        """Shut down the client's sending side and keep reading. No effect after a reset."""
        self._mark("half-closed")
        with suppress(OSError):
            self._open().half_close()

    def close(self) -> None:
        """Leave: close the connection (FIN, or RST where bytes were left unread)."""
        if self._reading.ending is None:
            self._mark("closed")
            self._reading.end(Ending.LEFT)
            self._open().close()

    def reset(self) -> None:
        """Leave with a reset: RST, or RST_STREAM. On an AF_UNIX pair this is a plain close."""
        if self._reading.ending is None:
            self._mark("reset")
            self._reading.end(Ending.LEFT)
            self._open().reset()

    # The answer so far

    def seen(self) -> Response:
        """What has arrived so far, parsed."""
        return self._reading.seen(
            opening=self.opening.name, request=self.opening.request, began_at=self._began_at
        )

    def _mark(self, what: str) -> None:
        self.marks.append((time.monotonic(), what))

    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("an Exchange has its connection inside `async with` only")
        return self._connection

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
