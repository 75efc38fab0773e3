"""One HTTP/2 stream that is not closed: how far its request and its response are."""

from __future__ import annotations

from mock_api.http2.frames import MOST_WINDOW, Code, Http2StreamError
from mock_api.http2.request import Head
from mock_api.http2.sending import Sending
from mock_api.net.reading import Hold, Reading
from mock_api.playing.exchange import Later


class Stream:
    """A stream that is not closed."""

    __slots__ = (
        "body",
        "complete",
        "head",
        "hold",
        "id",
        "reading",
        "received",
        "reply",
        "room",
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
        """The request is: END_STREAM came."""
        self.room = room
        """What the client may still send."""
        self.window = window
        """What we may still send; below zero after a SETTINGS frame that lowered it."""
        self.reply: Sending | Later | None = None
        self.reading: Reading | None = None
        """How the script has the body read, until that has come about."""
        self.hold: Hold | None = None
        """What the rest of the body waits for."""
        self.unread = False
        """It is answered though its body has not been read."""

    def widen(self, increment: int) -> None:
        """The client grants more. Raises Http2StreamError where it is too much."""
        self.window += increment
        if self.window > MOST_WINDOW:
            raise Http2StreamError(
                self.id, Code.FLOW_CONTROL_ERROR, "the stream's window is above 2**31-1"
            )
        self.resume()

    def resume(self) -> None:
        """Its window may be open again."""
        if isinstance(self.reply, Sending):
            self.reply.resume()
