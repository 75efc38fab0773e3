"""A stream of bytes, cut into HTTP/2 frames for h2. No I/O.

h2 takes bytes of any size, but two of its habits cost more than one stream. An
error in one frame swallows the events of the frames before it. And after GOAWAY
it regards the connection as closed, although the peer finishes the streams that
it has accepted. So h2 sees one frame at a time, and never a GOAWAY.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_HEAD = 9
_GOAWAY = 7


class Frame(NamedTuple):
    """One frame."""

    raw: bytes
    """The whole frame. Of a frame above the size limit only the part that has arrived."""
    goaway: int | None
    """The last stream that the peer promises to finish, if the frame is a GOAWAY."""


def goaway(last_stream: int, code: int) -> bytes:
    """A GOAWAY frame: streams above the last one are not processed."""
    payload = last_stream.to_bytes(4, "big") + code.to_bytes(4, "big")
    return len(payload).to_bytes(3, "big") + bytes((_GOAWAY, 0, 0, 0, 0, 0)) + payload


class FrameCutter:
    """Keeps the bytes of a frame until it is complete."""

    def __init__(self, max_frame_size: int) -> None:
        self._buffer = bytearray()
        self._max_frame_size = max_frame_size

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take the next bytes; yield the frames that are complete."""
        buffer = self._buffer
        buffer += data
        start, size = 0, len(buffer)
        try:
            while size - start >= _HEAD:
                length = int.from_bytes(buffer[start : start + 3], "big")
                end = start + _HEAD + length
                if end > size and length <= self._max_frame_size:
                    return
                raw = bytes(buffer[start:end])
                start = end
                last = None
                if raw[3] == _GOAWAY and length >= 8:
                    last = int.from_bytes(raw[9:13], "big") & 0x7FFFFFFF
                yield Frame(raw, last)
        finally:
            del buffer[:start]
