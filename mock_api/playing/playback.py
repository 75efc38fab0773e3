"""Playing a response in time: due segments leave; the rest waits for the kernel.

A playback walks over the segments of a response. Before each it may wait. The timer
wheel calls `advance`, the control API calls `opened` for a gate, and the protocol calls
`resume` when its client reads. HTTP/1.1 and HTTP/2 each derive a class that sends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from time import monotonic
from typing import Generic, Protocol, TypeVar

from mock_api.playing.entry import End, Entry
from mock_api.playing.services import Services


class Timeline(Protocol):
    """What a playback must know of a segment."""

    @property
    def wait(self) -> float:
        """Seconds after the segment before it was due."""

    @property
    def gate(self) -> int:
        """The gate that must be open; 0: none."""

    @property
    def stall(self) -> bool:
        """It never leaves."""


S = TypeVar("S", bound=Timeline)


class Playback(ABC, Generic[S]):
    """A response that is being sent."""

    __slots__ = (
        "_due",
        "_next",
        "_on_wheel",
        "_over",
        "_pending",
        "_segments",
        "_services",
        "entry",
    )

    def __init__(self, services: Services, segments: Iterator[S], entry: Entry) -> None:
        self._services = services
        self._segments = segments
        self._next = next(segments, None)
        """The first segment that was not taken yet."""
        self._due = entry.received_at
        """When that segment is due by the clock."""
        self._pending = False
        """A part of what was taken has not left yet."""
        self._on_wheel = False
        self._over = False
        self.entry = entry

    @property
    def token(self) -> str | None:
        """The token of its gates."""
        return self.entry.reply.token

    @abstractmethod
    def _take(self, segment: S) -> None:
        """This segment is due: it follows what was taken before."""

    @abstractmethod
    def _push(self) -> bool:
        """Send what was taken; whether all of it left. If not, `resume` will be called."""

    @abstractmethod
    def _finish(self) -> None:
        """Everything left: end the response."""

    def resume(self) -> None:
        """Go on: at the beginning, or after a wait for the gate or the client."""
        if self._on_wheel:
            return  # It waits for the clock alone.
        due = self._play(monotonic())
        if due is not None:
            self._on_wheel = True
            self._services.timer_wheel.add(self, due)

    def advance(self, now: float) -> float | None:
        """The timer wheel's call: it is due."""
        due = self._play(now)
        self._on_wheel = due is not None
        return due

    def opened(self) -> None:
        """The gate opened: the clock goes on from now."""
        self._due = max(self._due, monotonic())
        self.resume()

    def gone(self) -> None:
        """The client left."""
        if not self._over:
            self._over = True
            self._services.gates.leave(self)
            self._services.journal.close(self.entry, End.CLIENT_GONE)

    def _play(self, now: float) -> float | None:
        """Send everything due; when the next segment is due, if it waits only for the clock."""
        gates = self._services.gates
        while not self._over:
            if self._pending:
                if not self._push():
                    break
                self._pending = False
            segment = self._next
            if segment is None:
                self._over = True
                self._finish()
                break
            if segment.wait:
                if self._due > now:
                    return self._due
            elif segment.stall or (segment.gate and not gates.passes(self, segment.gate)):
                break
            self._take_next(segment)
            # A late stream sends everything due in one write. A segment without a wait
            # is a cut of the script's own.
            while self._due <= now and (segment := self._next) is not None and segment.wait:
                self._take_next(segment)
        return None

    def _take_next(self, segment: S) -> None:
        self._take(segment)
        self._pending = True
        self._next = following = next(self._segments, None)
        if following is not None:
            self._due += following.wait
