"""Evidence: the record of both sides of the daemon. Values without I/O.

A Transcript is the client's side of one exchange: every read with its time. A Response
is that transcript parsed strictly: head, events, and every place where the bytes broke
a rule. A JournalEntry is the upstream side: the request that the mock API received, and
the events that it sent, with times. All times are seconds on the machine's monotonic
clock. Every process shares it, so times of both sides can be compared directly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate
from typing import Any

from conformance.core.finding import FindingKind


class Ending(Enum):
    """How the exchange ended, as the client saw it."""

    EOF = "eof"
    MESSAGE = "message"
    """The message ended by its own framing; the connection may stay open."""
    RESET = "reset"
    """The daemon reset the connection, or the stream of an HTTP/2 connection."""
    LEFT = "left"
    """The client itself closed or reset it."""
    DEADLINE = "deadline"
    """It was still open at the scenario's deadline."""

    @property
    def orderly(self) -> bool:
        """Whether the daemon ended it, and did so without a reset."""
        return self in (Ending.EOF, Ending.MESSAGE)


@dataclass(frozen=True, slots=True)
class Read:
    """One successful read of the client's socket."""

    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Transcript:
    """One exchange, as the client's socket recorded it."""

    request: bytes
    """The bytes that began the exchange: handoff data, or an HTTP request."""
    began_at: float
    """When the client side began to send the request."""
    reads: tuple[Read, ...]
    ending: Ending
    ended_at: float
    opening: str = "handoff"
    """The kind of opening, as evidence names it: `handoff`, `request`."""

    @property
    def raw(self) -> bytes:
        """Every byte received, in order."""
        return b"".join(read.data for read in self.reads)

    def at(self, offset: int) -> float:
        """When the byte at this offset of `raw` arrived."""
        ends = list(accumulate(len(read.data) for read in self.reads))
        return self.reads[bisect_left(ends, offset + 1)].at


class Kind(Enum):
    """The meaning of a server-sent event, in either response format."""

    CHUNK = "chunk"
    """A piece of the answer: `{"content":…}` or an OpenAI chunk object."""
    DONE = "done"
    ERROR = "error"
    OTHER = "other"
    """It is in neither of the two formats."""


class Format(Enum):
    """The two response formats a daemon may answer in."""

    SIMPLE = "simple"
    OPENAI = "openai"


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched server-sent event."""

    kind: Kind
    data: str
    """The event's data, as the WHATWG rules assemble it."""
    json: Any
    """The data decoded (integers exact), or None where it is not JSON."""
    type: str
    """The event type; `message` unless an `event:` field names another one."""
    offset: int
    """Where its first line starts in the transcript's raw bytes."""
    at: float
    """When the last byte needed to dispatch it arrived."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A place where the response's bytes broke a rule."""

    rule: str
    """The rule, as a sentence with its source: `header lines end in CRLF (RFC 9112 2.2)`."""
    kind: FindingKind
    """Decides which clause of the contract the daemon breaks with it."""
    found: str
    offset: int
    """Where in the transcript's raw bytes."""


@dataclass(frozen=True, slots=True)
class Response:
    """A transcript, parsed. Where the head is unreadable, `status` is None."""

    transcript: Transcript
    status: int | None
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, in the order received, repetitions kept."""
    body: bytes
    body_offset: int
    """Where the body starts in the transcript's raw bytes."""
    events: tuple[Event, ...]
    """Empty unless the content type is text/event-stream."""
    format: Format | None
    """None while no chunk was seen, or where chunks of both formats were mixed."""
    violations: tuple[Violation, ...]
    """In order of offset."""
    truncated: bool = False
    """Whether the connection ended before the message, which has a framing of its own."""

    def header(self, name: str) -> str | None:
        """The header's value; several values are joined with a comma; None when absent."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    @property
    def chunks(self) -> tuple[Event, ...]:
        """The chunks of the answer, in order."""
        return tuple(event for event in self.events if event.kind is Kind.CHUNK)


class End(Enum):
    """How the mock API's side of an exchange ended."""

    RUNNING = "running"
    FINISHED = "finished"
    """The script was played to its last step."""
    CLIENT_GONE = "client_gone"
    """The daemon closed the connection or reset the stream before that."""


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One event as the mock API sent it."""

    at: float
    """When its last byte was handed to the kernel."""
    data: str
    """The event's data, as a receiver following the WHATWG rules assembles it."""
    type: str = "message"
    """The event type; `message` unless an `event:` field names another one."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One upstream request, as the mock API recorded it."""

    id: int
    token: str | None
    pattern: str | None
    """The pattern that was applied, without its token; None for an ordinary answer."""
    source: str
    """Where the pattern was found: `header`, `model`, `prompt` or `none`."""
    key: str | None
    """The name under which the request's API key is registered; the key itself is not kept."""
    authorized: bool
    protocol: str
    """`http/1.1` or `h2`."""
    transport: str
    """`tcp`, `tls` or `unix`."""
    connection: int
    stream: int | None
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    """As received, names in lower case, the value of `authorization` withheld."""
    body: bytes
    received_at: float
    """When the request was complete."""
    status: int
    bytes_sent: int
    events: tuple[SentEvent, ...]
    end: End
    ended_at: float | None
    events_sent: int = 0
    """The number of events, also where the journal does not keep all of an endless answer."""

    def header(self, name: str) -> str | None:
        """The request header's value, or None."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Asked:
    """The upstream request that must follow from what the client asked of the daemon."""

    body: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the JSON body, decoded as exact_json does."""
    exact: frozenset[str] = frozenset()
    """Those whose numbers must keep every digit: `1.0` differs from `1`."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Request headers that must arrive with exactly these values."""
    additions: frozenset[str] = frozenset()
    """Fields that the daemon may add to the body."""
    raw: bytes = b""
    """The body, where it passes unchanged."""


@dataclass(frozen=True, slots=True)
class Observation:
    """The evidence of one exchange when its checks run."""

    response: Response
    upstream: tuple[JournalEntry, ...]
    """The requests that carried this exchange's token, in order of arrival."""
    asked: Asked = field(default_factory=Asked)
    """What the upstream request must be."""
    declared: tuple[str, ...] = ()
    """How the daemon declares to reach the API: `h1`, `h2`, `unix`; empty where it does not say."""
    brief: bool = False
    """Whether the journal lacks the data of the events that the API sent."""
