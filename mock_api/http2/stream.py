"""One HTTP/2 stream that is not closed: the progress of its request and its response."""

from __future__ import annotations

from typing import Protocol

from mock_api.http2.frames import MOST_WINDOW, Code, Http2StreamError
from mock_api.http2.outbox import Outbox
from mock_api.http2.request import Head
from mock_api.language.reading import Reading
from mock_api.playing.exchange import Later
from mock_api.playing.gates import HeldRequest


class Sender(Protocol):
    """A response that is being sent on a stream."""

    def resume(self) -> None:
        """A window may be open again."""

    def gone(self) -> None:
        """The client left."""

    def give_up(self) -> None:
        """Send nothing more: a GOAWAY announced it."""


class Owner(Protocol):
    """What a response asks of its connection's streams."""

    outbox: Outbox
    window: int
    """What the mock may still send on the connection."""
    starved: dict[Sender, None]
    """Those that wait for the connection's window, in order of arrival."""

    def announce(self, values: tuple[tuple[int, int], ...]) -> bytes:
        """A SETTINGS frame; it holds once the client acknowledges it."""

    def give_up_after(self, last: int) -> None:
        """GOAWAY: give up the streams after this one."""

    def close(self, number: int) -> None:
        """The stream's response is sent or given up."""

    def leave_on_request(self, *, reset: bool) -> None:
        """End the connection when the next request begins."""


class Stream:
    """A stream that is not closed."""

    __slots__ = (
        "body",
        "complete",
        "head",
        "held",
        "id",
        "later",
        "reading",
        "received",
        "room",
        "sender",
        "unread",
        "window",
    )

    def __init__(self, number: int, head: Head, room: int, window: int) -> None:
        self.id = number
        self.head = head
        self.body: list[bytes] = []
        self.received = 0
        """Bytes of the body so far."""
        self.complete = False
        """The request is complete: END_STREAM arrived."""
        self.room = room
        """What the client may still send."""
        self.window = window
        """What the mock may still send; below zero after a SETTINGS frame that lowered it."""
        self.sender: Sender | None = None
        self.later: Later | None = None
        self.reading: Reading | None = None
        """How the script has the body read, until that is done."""
        self.held: HeldRequest | None = None
        """The rest of the body waits for a gate."""
        self.unread = False
        """It was answered before all of its body was read."""

    def widen(self, increment: int) -> None:
        """The client grants more. Raises Http2StreamError if it grants too much."""
        self.window += increment
        if self.window > MOST_WINDOW:
            raise Http2StreamError(
                self.id, Code.FLOW_CONTROL_ERROR, "the stream's window is above 2**31-1"
            )
        self.resume()

    def resume(self) -> None:
        """Its window may be open again."""
        if self.sender is not None:
            self.sender.resume()
