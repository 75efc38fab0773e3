"""An HTTP/1.1 response that is being sent: its segments, as far as the kernel takes them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

from mock_api.http1.response import Response, Segment
from mock_api.playing.entry import End, Entry
from mock_api.playing.link import Link
from mock_api.playing.playback import Playback
from mock_api.playing.services import Services

TURN = 1024 * 1024
"""Bytes after which a response yields to others, however fast its client reads."""


class Sending(Playback[Segment]):
    """An HTTP/1.1 response that is being sent."""

    __slots__ = ("_cuts", "_data", "_done", "_link", "_marked", "_marks", "_offset", "_turn")

    def __init__(
        self,
        link: Link,
        services: Services,
        response: Response,
        segments: Iterator[Segment],
        entry: Entry,
        done: Callable[[], None],
    ) -> None:
        """`done` is called after the last byte."""
        super().__init__(services, segments, entry)
        self._link = link
        self._done = done
        self._cuts = response.cuts
        self._data = b""
        self._offset = 0
        self._marks: tuple[int, ...] = ()
        self._marked = 0
        self._turn = 0
        """Bytes sent in this turn."""

    def begin(self, sent: int) -> None:
        """Go on after the first `sent` bytes of the first segment."""
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
        link = self._link
        try:
            while self._offset < len(self._data):
                data: bytes | memoryview = self._data
                if self._offset:
                    data = memoryview(data)[self._offset :]
                if self._cuts is not None:
                    data = data[: self._cuts.room(self.entry.bytes_sent)]
                self._sent(link.send(data))
        except BlockingIOError:
            link.want_writable()
            return False
        except OSError:
            link.close()
            return False
        self._turn += self._offset
        self._data, self._offset, self._marks, self._marked = b"", 0, (), 0
        if self._turn > TURN and self._next is not None:
            self._turn = 0
            link.want_writable()
            return False
        return True

    def _sent(self, size: int) -> None:
        self._offset += size
        if self._offset == len(self._data):
            marked = len(self._marks)
        else:
            marked = bisect_right(self._marks, self._offset)
        self._services.journal.sent(self.entry, size, marked - self._marked)
        self._marked = marked

    def _finish(self) -> None:
        self._services.journal.close(self.entry, End.FINISHED)
        self._done()
