"""Playing a response in time: what is due leaves, what the kernel does not take waits.

A playback walks over its segments. Before each it may have to wait for the
clock (the wheel calls `advance`), for a gate (the control API calls `opened`), or
for the client (its protocol calls `resume`); it is never ahead of any of them.
How bytes leave is the protocol's business: HTTP/1.1 and HTTP/2 each derive one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from mock_api.playing.exchange import End, Entry

if TYPE_CHECKING:
    from mock_api.app import App


class Timeline(Protocol):
    """What a playback must know of a segment."""

    @property
    def wait(self) -> float: ...
    @property
    def gate(self) -> int: ...
    @property
    def stall(self) -> bool: ...


S = TypeVar("S", bound=Timeline)


class Playback(ABC, Generic[S]):
    """A response being sent."""

    __slots__ = (
        "_app",
        "_due",
        "_next",
        "_on_wheel",
        "_over",
        "_pending",
        "_segments",
        "entry",
    )

    def __init__(self, app: App, segments: Iterator[S], entry: Entry) -> None:
        self._app = app
        self._segments = segments
        self._next = next(segments, None)
        """The first segment that was not taken yet."""
        self._due = entry.received_at
        """When that one is due, as far as the clock decides."""
        self._pending = False
        """Something was taken and has not left entirely."""
        self._on_wheel = False
        self._over = False
        self.entry = entry

    @property
    def token(self) -> str | None:
        """Whose gates it stands before."""
        return self.entry.token

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
        """Go on: at the beginning, or after something that was waited for."""
        if self._on_wheel:
            return  # It waits for the clock alone.
        due = self._play(monotonic())
        if due is not None:
            self._on_wheel = True
            self._app.wheel.add(self, due)

    def advance(self, now: float) -> float | None:
        """The wheel's call: its time has come."""
        due = self._play(now)
        self._on_wheel = due is not None
        return due

    def opened(self) -> None:
        """The gate that was waited for is open: time goes on from here."""
        self._due = max(self._due, monotonic())
        self.resume()

    def gone(self) -> None:
        """The client left."""
        if not self._over:
            self._over = True
            self._app.gates.leave(self)
            self._app.journal.close(self.entry, End.CLIENT_GONE)

    def _play(self, now: float) -> float | None:
        """Send everything due; when the next segment is due, if only the clock is waited for."""
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
            elif segment.stall or (segment.gate and not self._app.gates.passes(self, segment.gate)):
                break
            self._take_next(segment)
            # A late stream sends everything due in one write. A segment without a wait
            # is a cut that was asked for.
            while self._due <= now and (segment := self._next) is not None and segment.wait:
                self._take_next(segment)
        return None

    def _take_next(self, segment: S) -> None:
        self._take(segment)
        self._pending = True
        self._next = following = next(self._segments, None)
        if following is not None:
            self._due += following.wait
