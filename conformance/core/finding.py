"""A finding: an observation of a client or a check that is not right.

Client code reports its observation without a clause: the same observation can break
different clauses. The profile's `blame` table, or the scenario, names the clause. The
result is a FailedCheck (result.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

FLOOD = "flood"
"""The check that fails where an answer is too large to be read: a late suite does not excuse it,
because to read it is what made the suite late."""


class FindingKind(Enum):
    """The kind of an observation; profiles map each kind to a clause."""

    NOT_SERVED = "not served"
    """The daemon did not answer, and did not call the API."""
    DIED = "died"
    """The daemon's process ended."""
    UNREADABLE = "unreadable"
    """A message arrived that the profile's protocol does not define."""
    NO_PONG = "no pong"
    """A ping was not answered."""
    NOT_PINGED = "not pinged"
    """A client that received nothing for a minute was not pinged."""
    OVERSIZE = "oversize"
    """A message without end was not closed with 1009."""
    UNBOUNDED = "unbounded"
    """The daemon's memory grew with a message without end."""

    # Of a relayed answer

    NOT_TAKEN = "not taken"
    """The daemon refused a request that it must accept."""
    FULL = "full"
    """The daemon refused a client for lack of room."""
    HEAD = "head"
    """The head of the answer, or the framing of its body, breaks a rule."""
    EVENTS = "events"
    """Events are missing, repeated, reordered, invented or malformed."""
    TEXT = "text"
    """Text arrived altered."""
    DONE = "done"
    """`[DONE]` is missing, repeated, or not last."""
    ERROR_ANSWER = "error answer"
    """A failure before the first byte is not reported by status and body."""
    ERROR_EVENT = "error event"
    """A failure after the first byte is not reported as the stream's end."""
    LATE = "late"
    """Something arrived too late, or did not arrive by the deadline."""
    NOT_ENDED = "not ended"
    """The exchange did not end in an orderly way after its last byte."""
    HELD = "held"
    """The daemon holds a descriptor of an exchange that has ended."""

    # Of the upstream request

    REQUEST = "request"
    """The API received no request, or another one than the client asked for."""
    RUNS_ON = "runs on"
    """The upstream request did not end after its client had left."""
    REPEATED = "repeated"
    """The API received a request again that it may have processed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation. Each part is a field, so that a report never parses a sentence."""

    check: str
    """The check's name, as the catalog writes it: `done_marker`."""
    expected: str
    actual: str
    where: str
    """A place a reader can go to: `event 4`, `byte 212 of the response`, `upstream request`."""
    clause: str | None = None
    """The clause, where the check or the scenario knows it."""
    kind: FindingKind | None = None
    """Set where the profile's `blame` table decides which clause is broken."""
    unserved: bool = False
    """Whether the client did not get an answer as a whole: it got none, was refused, or was cut
    off. Where serving it is the scenario's matter, the scenario's clause is broken."""
    timeless: bool = False
    """Whether a slow machine cannot be the reason: memory, a count, the end of the process."""


class ScenarioStopped(Exception):  # noqa: N818 - a finding about the daemon, no error of the suite
    """What the scenario waited for did not happen. Its finding has been noted already."""

    def __init__(self, finding: Finding) -> None:
        parts = f"expected {finding.expected}; {finding.actual} ({finding.where})"
        super().__init__(f"{finding.check}: {parts}")
        self.finding = finding
