"""An HTTP/2 response that is being sent: its segments, cut to the windows that are open."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace

from mock_api.http2.frames import FRAME_SIZE, MOST_STREAM, Code, frame, goaway, rst_stream
from mock_api.http2.response import Block, Data, Response, Segment
from mock_api.http2.stream import Owner, Stream
from mock_api.language.script import Afterwards, Ending
from mock_api.language.steps import Frame, Goaway, Last, Settings
from mock_api.playing.entry import Entry
from mock_api.playing.playback import Playback
from mock_api.playing.services import Services


class Sending(Playback[Segment]):
    """A response on its stream."""

    __slots__ = ("_at", "_cuts", "_offset", "_owner", "_queue", "_response", "_sent", "_stream")

    def __init__(
        self,
        services: Services,
        owner: Owner,
        stream: Stream,
        response: Response,
        segments: Iterator[Segment],
        entry: Entry,
    ) -> None:
        super().__init__(services, segments, entry)
        self._owner = owner
        self._stream = stream
        self._response = response
        self._queue: deque[Segment] = deque()
        self._cuts = response.cuts
        self._sent = 0
        """Bytes of all frames."""
        self._at = 0
        """The index of the next item in the queue's first segment."""
        self._offset = 0
        """How many bytes of that item were sent."""

    def _take(self, segment: Segment) -> None:
        self._queue.append(segment)

    def _push(self) -> bool:
        queue, owner, stream = self._queue, self._owner, self._stream
        while queue:
            segment = queue[0]
            if not owner.outbox.has_room(self):
                return False
            if (
                not self._at
                and not self._offset
                and not segment.signals
                and segment.window <= stream.window
                and segment.window <= owner.window
                and not (segment.heads and owner.outbox.table_update)
            ):
                stream.window -= segment.window
                owner.window -= segment.window
                data = stream.id.to_bytes(4, "big").join(segment.pieces)
                self._put(data, segment.events)
            elif not self._push_items(segment):
                return False
            queue.popleft()
            self._at = self._offset = 0
        return True

    def _push_items(self, segment: Segment) -> bool:
        """Send the segment frame by frame; whether all of it could be sent."""
        while self._at < len(segment.items):
            if not self._owner.outbox.has_room(self):
                return False
            item = segment.items[self._at]
            match item:
                case Block():
                    self._push_block(item)
                case Data():
                    if not self._push_data(item):
                        return False
                case Frame(kind, flags, number, payload):
                    number = self._stream.id if number is None else number
                    self._put(frame(kind, flags, number, payload), 0)
                case Settings(values):
                    self._put(self._owner.announce(values), 0)
                case Goaway(last, code):
                    self._put(goaway(self._last(last), code, ""), 0)
                    self._owner.give_up_after(self._last(last))
                    if self._over:
                        return False
            self._at, self._offset = self._at + 1, 0
        return True

    def give_up(self) -> None:
        """Send nothing more: a GOAWAY announced it."""
        self._over = True
        self._services.gates.leave(self)
        self._owner.outbox.put_end(self.entry)

    def _last(self, last: Last | int) -> int:
        """The number of the last stream that is answered."""
        match last:
            case Last.THIS:
                return self._stream.id
            case Last.PREVIOUS:
                return max(0, self._stream.id - 2)
            case Last.ALL:
                return MOST_STREAM
            case _:
                return last

    def _put(self, data: bytes, events: int) -> None:
        """Send frames of this response, cut where the script cuts it."""
        self._owner.outbox.put(data, self.entry, events, self._cuts, self._sent)
        self._sent += len(data)

    def _push_block(self, item: Block) -> None:
        outbox = self._owner.outbox
        block = replace(item, block=outbox.table_update + item.block)
        outbox.table_update = b""
        self._put(block.frame(self._stream.id), 0)

    def _push_data(self, item: Data) -> bool:
        """Send the data in frames that fit the windows; whether all could be sent."""
        owner, stream = self._owner, self._stream
        overhead = item.overhead
        while True:
            if not owner.outbox.has_room(self):
                return False
            left = len(item.data) - self._offset
            size = min(left, min(stream.window, owner.window, FRAME_SIZE) - overhead)
            least = overhead + min(1, left)
            if least and least > min(stream.window, owner.window):
                if least > owner.window:
                    owner.starved[self] = None
                return False
            size = max(size, 0)
            last = size == left
            part = item.data[self._offset : self._offset + size]
            sent = replace(item, data=part, end=item.end and last)
            stream.window -= size + overhead
            owner.window -= size + overhead
            self._put(sent.frame(stream.id), item.events if last else 0)
            if last:
                return True
            self._offset += size

    def _finish(self) -> None:
        owner, stream, response = self._owner, self._stream, self._response
        if response.ending in (Ending.ABORT, Ending.RESET):
            self._put(rst_stream(stream.id, response.reset_code), 0)
        elif response.reset_after_end is not None:
            self._put(rst_stream(stream.id, response.reset_after_end), 0)
        elif stream.unread and response.ending is Ending.CLEAN:
            self._put(rst_stream(stream.id, Code.NO_ERROR), 0)
        owner.outbox.put_end(self.entry)
        stream.sender = None
        owner.close(stream.id)
        if response.ending is Ending.DROP or response.afterwards is Afterwards.CLOSE:
            owner.outbox.end()
        elif response.afterwards is not Afterwards.KEEP:
            owner.leave_on_request(reset=response.afterwards is Afterwards.RESET_ON_REQUEST)
