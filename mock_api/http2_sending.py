"""An HTTP/2 response being sent: its segments, cut to the windows that are open."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mock_api.exchange import Entry
from mock_api.http2_frames import END_HEADERS, END_STREAM, FRAME_SIZE, Type, frame, rst_stream
from mock_api.http2_response import Response, Segment
from mock_api.playback import Playback
from mock_api.script import Ending

if TYPE_CHECKING:
    from mock_api.http2_streams import Stream, Streams


class Sending(Playback[Segment]):
    """A response on its stream."""

    __slots__ = ("_frame", "_offset", "_queue", "_response", "_stream", "_streams")

    def __init__(self, streams: Streams, stream: Stream, response: Response, entry: Entry) -> None:
        super().__init__(streams.app, response.segments, entry)
        self._streams = streams
        self._stream = stream
        self._response = response
        self._queue: deque[Segment] = deque()
        self._frame = -1
        """Which frame of the queue's first segment is next; -1: its header block, if any."""
        self._offset = 0
        """How much of that frame's data has been sent."""

    def _take(self, segment: Segment) -> None:
        self._queue.append(segment)

    def _push(self) -> bool:
        queue, streams, stream = self._queue, self._streams, self._stream
        while queue:
            segment = queue[0]
            if not streams.outbox.has_room(self):
                return False
            if (
                self._frame < 0
                and segment.window <= stream.window
                and segment.window <= streams.window
                and not (segment.block and streams.outbox.table_update)
            ):
                stream.window -= segment.window
                streams.window -= segment.window
                data = stream.id.to_bytes(4, "big").join(segment.pieces)
                streams.outbox.put(data, self.entry, segment.events)
            elif not self._push_frames(segment):
                return False
            queue.popleft()
            self._frame, self._offset = -1, 0
        return True

    def _push_frames(self, segment: Segment) -> bool:
        """Send the segment frame by frame; whether all of it could be sent."""
        streams, stream = self._streams, self._stream
        if self._frame < 0:
            self._frame = 0
            if segment.block is not None:
                block = streams.outbox.table_update + segment.block
                streams.outbox.table_update = b""
                head = frame(Type.HEADERS, END_HEADERS, stream.id, block)
                streams.outbox.put(head, self.entry, 0)
        while self._frame < len(segment.frames):
            if not streams.outbox.has_room(self):
                return False
            data = segment.frames[self._frame]
            left = len(data.data) - self._offset
            size = min(left, stream.window, streams.window, FRAME_SIZE)
            if left and size <= 0:
                if streams.window <= 0:
                    streams.starved[self] = None
                return False
            last = size == left
            flags = END_STREAM if data.end and last else 0
            part = data.data[self._offset : self._offset + size]
            stream.window -= size
            streams.window -= size
            sent = frame(Type.DATA, flags, stream.id, part)
            streams.outbox.put(sent, self.entry, data.events if last else 0)
            if last:
                self._frame, self._offset = self._frame + 1, 0
            else:
                self._offset += size
        return True

    def _finish(self) -> None:
        streams, stream, ending = self._streams, self._stream, self._response.ending
        if ending in (Ending.ABORT, Ending.RESET):
            code = self._response.reset_code
            streams.outbox.put(rst_stream(stream.id, code), self.entry, 0)
        streams.outbox.put_end(self.entry)
        stream.reply = None
        streams.close(stream.id)
        if ending is Ending.DROP:
            streams.outbox.end()
