"""The seam between an exchange and its profile: how the client connects and asks.

An Exchange is the same for every profile that relays one stream to one client.
An Opening is the part that differs. It makes the client's connection, sends the
request, and knows which parser reads the answer. `HandedOff` (profile handoff)
passes a socket to the daemon. An opening over HTTP connects to the daemon and
sends a request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from conformance.core.evidence import Asked, Event, Read, Response, Transcript


class OpeningError(Exception):
    """The exchange could not begin. The message gives the reason."""


class Parser(Protocol):
    """Reads the daemon's answer, read by read. `wire.response.ResponseParser` is one."""

    @property
    def events(self) -> Sequence[Event]:
        """Every event dispatched so far; grows in place."""
        ...

    @property
    def head_seen(self) -> bool:
        """Whether a readable head is complete."""
        ...

    @property
    def message_ended(self) -> bool:
        """Whether the message ended, although the connection may stay open."""
        ...

    def feed(self, read: Read) -> None:
        """Take the next read."""
        ...

    def response(self, transcript: Transcript) -> Response:
        """What was fed so far, as the Response of this transcript."""
        ...


class Connection(Protocol):
    """The client's side of one exchange: a socket, or one stream of an HTTP/2 connection."""

    @property
    def held(self) -> str:
        """The daemon's end, as /proc/PID/fd names it: `socket:[123]`; empty where unknown."""
        ...

    def find_held(self) -> str:
        """The same, looked up now."""
        ...

    def watch(self, readable: Callable[[], None]) -> None:
        """Call `readable` whenever there may be bytes to receive."""
        ...

    def unwatch(self) -> None:
        """Receive no further; the kernel's buffers, or the stream's window, fill up."""
        ...

    def recv(self, size: int) -> bytes:
        """Receive at most `size` bytes; empty at EOF.

        Raises BlockingIOError where none are there, and another OSError for a reset.
        """
        ...

    def send(self, data: bytes) -> int:
        """Send surplus bytes towards the daemon; returns how many the kernel took."""
        ...

    def half_close(self) -> None:
        """Shut down the client's sending side."""
        ...

    def close(self) -> None:
        """Leave: FIN, or RST where bytes were left unread. A second call has no effect."""
        ...

    def reset(self) -> None:
        """Leave with RST or RST_STREAM."""
        ...


class Opening(Protocol):
    """How one exchange begins. Each exchange has an opening of its own."""

    @property
    def name(self) -> str:
        """The kind of opening, as a finding and the evidence name it: `handoff`."""
        ...

    @property
    def request(self) -> bytes:
        """The bytes that begin the exchange, for the transcript."""
        ...

    @property
    def asked(self) -> Asked:
        """The upstream request that must follow."""
        ...

    def parser(self) -> Parser:
        """A parser for the answer, strict by the profile's contract."""
        ...

    async def connect(self, *, deadline: float) -> Connection:
        """Make the client's connection. `deadline`: time.monotonic(). Raises OpeningError."""
        ...

    async def begin(self, *, deadline: float) -> float:
        """Send the request; returns when that began. Raises OpeningError."""
        ...

    def release(self) -> None:
        """Close what the opening itself still holds. A second call has no effect."""
        ...
