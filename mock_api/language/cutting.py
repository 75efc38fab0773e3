"""Where a response's bytes are cut, whatever they mean.

A cut is a place in the wire bytes of a response, its head and its framing included:
inside a status line, a chunk's size, a frame's header, a character. What is before
it and what is after it leave in different writes to the socket. Over TLS each write
is a record of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

NOWHERE = 2**62
"""Further than any response goes."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """The places."""

    segment: int | None = None
    """Every so many bytes."""
    offsets: tuple[int, ...] = ()
    """After so many bytes, each; ascending."""

    def room(self, at: int) -> int:
        """How many bytes there are from this place to the next cut; at least one."""
        room = NOWHERE if self.segment is None else self.segment - at % self.segment
        index = bisect_right(self.offsets, at)
        return room if index == len(self.offsets) else min(room, self.offsets[index] - at)
