"""Cuts: places in a response's bytes, whatever the bytes mean.

A cut can be anywhere in the wire bytes of a response, its head and its framing included:
inside a status line, a chunk's size, a frame's header, a character. The bytes before and
after it leave in different writes to the socket. Over TLS each write is a record.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

NOWHERE = 2**62
"""Beyond the end of any response."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """The places."""

    segment: int | None = None
    """A cut after each run of this length, in bytes."""
    offsets: tuple[int, ...] = ()
    """Cuts after these numbers of bytes; ascending."""

    def room(self, at: int) -> int:
        """How many bytes there are from this place to the next cut; at least 1."""
        room = NOWHERE if self.segment is None else self.segment - at % self.segment
        index = bisect_right(self.offsets, at)
        return room if index == len(self.offsets) else min(room, self.offsets[index] - at)
