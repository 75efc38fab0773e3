"""An HTTP/1.1 response being sent: its segments, as far as the kernel takes them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mock_api.http1.response import Response, Segment
from mock_api.playing.exchange import End, Entry
from mock_api.playing.playback import Playback

if TYPE_CHECKING:
    from mock_api.http1.connection import Http1

TURN = 1024 * 1024
"""Bytes after which a response lets others have their turn, however fast its client reads."""


class Sending(Playback[Segment]):
    """An HTTP/1.1 response being sent."""

    __slots__ = ("_cuts", "_data", "_http1", "_marked", "_marks", "_offset", "_response", "_turn")

    def __init__(
        self, http1: Http1, response: Response, segments: Iterator[Segment], entry: Entry
    ) -> None:
        super().__init__(http1.app, segments, entry)
        self._http1 = http1
        self._response = response
        self._cuts = response.cuts
        self._data = b""
        self._offset = 0
        self._marks: tuple[int, ...] = ()
        self._marked = 0
        self._turn = 0
        """Bytes sent in this turn."""

    def begin(self, sent: int) -> None:
        """The first segment was sent up to this many bytes; go on."""
        first = self._next
        if first is not None and not first.gate:
            self._take_next(first)
            self._sent(sent)
        self.resume()

    def _take(self, segment: Segment) -> None:
        if not self._pending:
            self._data, self._marks = segment.data, segment.marks
            self._offset = self._marked = 0
        else:
            before = len(self._data)
            self._data += segment.data
            self._marks += tuple(before + mark for mark in segment.marks)

    def _push(self) -> bool:
        http1 = self._http1
        try:
            while self._offset < len(self._data):
                data: bytes | memoryview = self._data
                if self._offset:
                    data = memoryview(data)[self._offset :]
                if self._cuts is not None:
                    data = data[: self._cuts.room(self.entry.bytes_sent)]
                self._sent(http1.wire.send(data))
        except BlockingIOError:
            http1.connection.want_writable()
            return False
        except OSError:
            http1.connection.close()
            return False
        self._turn += self._offset
        self._data, self._offset, self._marks, self._marked = b"", 0, (), 0
        if self._turn > TURN and self._next is not None:
            self._turn = 0
            http1.connection.want_writable()
            return False
        return True

    def _sent(self, size: int) -> None:
        self._offset += size
        if self._offset == len(self._data):
            marked = len(self._marks)
        else:
            marked = bisect_right(self._marks, self._offset)
        self._app.journal.sent(self.entry, size, marked - self._marked)
        self._marked = marked

    def _finish(self) -> None:
        self._app.journal.close(self.entry, End.FINISHED)
        self._http1.done(self._response)
