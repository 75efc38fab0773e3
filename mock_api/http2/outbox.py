"""The outbox of an HTTP/2 connection: whole frames on their way to the kernel.

Streams put frames in, in the order in which they leave. Frames put in between two flushes
leave in one write. If the kernel does not take all of it, the rest stays, and streams wait
until it is gone. A note goes with the frames of a response: the journal records them when
the kernel takes their last byte, and not earlier.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from mock_api.language.cutting import NOWHERE, Cuts
from mock_api.playing.entry import End, Entry
from mock_api.playing.journal import Journal
from mock_api.playing.link import Link
from mock_api.playing.playback import Playback

ROOM = 256 * 1024
"""Bytes for one write: some frames of each of many streams."""

MOST_CONTROL = 1024 * 1024
"""Bytes of answers to PING and SETTINGS that may wait for a client that does not read."""

TABLE_SIZE = 4096
NO_TABLE = b"\x20"
"""A dynamic table size update to 0 (RFC 7541 6.3)."""

Note = tuple[int, Entry, int, int, bool]
"""A place in the connection's bytes, an entry, and its new bytes and events up to there.
The last part says whether the response is then complete."""


class Outbox:
    """Frames on their way to the kernel."""

    def __init__(self, link: Link, journal: Journal) -> None:
        self._link = link
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        """Bytes in `_parts`."""
        self._rest: bytes | memoryview = b""
        """Bytes that the kernel did not take."""
        self._notes: list[Note] = []
        self._cut: deque[tuple[int, int, Cuts, int]] = deque()
        """Ranges of bytes that are cut: first byte, end, the cuts, and the first byte's place in
        its response."""
        self._put = 0
        """Bytes put in since the connection began; notes count in these."""
        self._taken = 0
        """Bytes the kernel took since then."""
        self._waiting: dict[Playback[Any], None] = {}
        self._corked = False
        self._scheduled = False
        self._ending = False
        self.closed = False
        """Nothing more will be sent."""
        self.table_update = b""
        """What the next header block must begin with."""

    def table_size(self, size: int) -> None:
        """The client's decoder will keep a table of this size at most.

        The mock uses no table, but it must acknowledge a smaller one (RFC 7541 4.2).
        """
        if size < TABLE_SIZE:
            self.table_update = NO_TABLE

    def has_room(self, playback: Playback[Any]) -> bool:
        """Whether frames may be put in now; if not, the playback is resumed when they may."""
        if not self._rest and self._size < ROOM:
            return True
        self._waiting[playback] = None
        return False

    def is_ready(self) -> bool:
        """Whether a whole response may be put in now as it is."""
        return not self._rest and self._size < ROOM and not self.table_update

    def put_whole(self, data: bytes, entry: Entry) -> None:
        """All frames of a response."""
        size = len(data)
        self._parts.append(data)
        self._size += size
        self._put += size
        self._notes.append((self._put, entry, size, 0, True))
        if not self._corked:
            self._schedule()

    def put(
        self, data: bytes, entry: Entry, events: int, cuts: Cuts | None = None, at: int = 0
    ) -> None:
        """Whole frames of a response, which complete this number of events.

        `cuts`: where the response is cut; `at`: the place of these frames in it.
        """
        if cuts is not None:
            self._cut.append((self._put, self._put + len(data), cuts, at))
        self._append(data)
        self._notes.append((self._put, entry, len(data), events, False))

    def put_end(self, entry: Entry) -> None:
        """The last frame of this response was put in."""
        self._notes.append((self._put, entry, 0, 0, True))
        self._schedule()

    def control(self, data: bytes) -> None:
        """Frames that are not part of a response."""
        self._append(data)
        if self._rest and self._size > MOST_CONTROL:
            self._link.close()

    def end(self) -> None:
        """End the connection after everything has left."""
        self._ending = True
        self._schedule()

    def shut(self, *, reset: bool) -> None:
        """End the connection now, whatever has not left."""
        self.closed = True
        if reset:
            self._link.reset()
        else:
            self._link.finish()

    def cork(self) -> None:
        """Do not flush before `uncork`."""
        self._corked = True

    def uncork(self) -> None:
        """Flush what was put in since `cork`."""
        self._corked = False
        self.flush()

    def lost(self) -> None:
        """The connection is gone, with everything that has not left."""
        self.closed = True
        self._waiting.clear()
        for note in self._notes:
            self._journal.close(note[1], End.CLIENT_GONE)
        self._notes.clear()

    def flush(self) -> None:
        """Send everything, then resume the playbacks that wait for room."""
        while not self.closed and self._send_all():
            if self._waiting:
                waiting, self._waiting = self._waiting, {}
                corked, self._corked = self._corked, True
                for playback in waiting:
                    playback.resume()
                self._corked = corked
            elif not self._parts:
                if self._ending:
                    self.closed = True
                    self._link.finish()
                break

    def _append(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        self._put += len(data)
        self._schedule()

    def _schedule(self) -> None:
        if not self._corked and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush_scheduled)

    def _flush_scheduled(self) -> None:
        self._scheduled = False
        self.flush()

    def _send_all(self) -> bool:
        """Whether the kernel took everything."""
        try:
            while self._rest or self._parts:
                if not self._rest:
                    self._rest = b"".join(self._parts)
                    self._parts.clear()
                    self._size = 0
                data = self._rest[: self._room()] if self._cut else self._rest
                taken = self._link.send(data)
                self._rest = memoryview(self._rest)[taken:] if taken < len(self._rest) else b""
                self._taken += taken
        except BlockingIOError:
            self._link.want_writable()
        except OSError:
            self._link.close()
            return False
        self._record()
        return not self._rest

    def _room(self) -> int:
        """How many bytes there are to the next cut."""
        while self._cut:
            start, end, cuts, at = self._cut[0]
            if self._taken < start:
                return start - self._taken
            if self._taken < end:
                return min(end - self._taken, cuts.room(at + self._taken - start))
            self._cut.popleft()
        return NOWHERE

    def _record(self) -> None:
        """Let the journal record what the kernel took."""
        done = 0
        journal, taken = self._journal, self._taken
        for reached, entry, size, events, last in self._notes:
            if reached > taken:
                break
            done += 1
            if not last:
                journal.sent(entry, size, events)
            elif size:
                journal.finish(entry, size)
            else:
                journal.close(entry, End.FINISHED)
        del self._notes[:done]
