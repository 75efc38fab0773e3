"""What an HTTP/2 connection is about to send.

Streams put whole frames in, in the order in which they leave; everything put in
between two flushes leaves in one write. What the kernel does not take at once
stays, and nobody may put in more until it is gone. With each frame comes a note
for the journal, which is told when the kernel took the frame's last byte, and not
before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from mock_api.language.cutting import NOWHERE, Cuts
from mock_api.playing.exchange import End, Entry, Known, Peer

if TYPE_CHECKING:
    from mock_api.net.connection import Connection
    from mock_api.playing.journal import Journal
    from mock_api.playing.playback import Playback

ROOM = 256 * 1024
"""Bytes that may be put in for one write: some frames of each of many streams."""

MOST_CONTROL = 1024 * 1024
"""Bytes of answers to PING and SETTINGS that may wait for a client that does not read."""

TABLE_SIZE = 4096
NO_TABLE = b"\x20"
"""A dynamic table size update to 0 (RFC 7541 6.3)."""

Note = tuple[int, Entry, int, int, bool]
"""Up to which byte of what was put in, whose, how many bytes, how many events, whether the last."""

KnownNote = tuple[int, Known, Peer, int, float]
"""Up to which byte of what was put in a whole known answer reaches: to whom, on which
stream, and when the request came."""


class Outbox:
    """Frames on their way to the kernel."""

    def __init__(self, connection: Connection, journal: Journal) -> None:
        self._connection = connection
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        """Bytes in `_parts`."""
        self._rest: bytes | memoryview = b""
        """What the kernel did not take."""
        self._notes: list[Note | KnownNote] = []
        self._cut: deque[tuple[int, int, Cuts, int]] = deque()
        """From which byte of what was put in to which there are cuts, where, and which byte of
        its response the first one is."""
        self._put = 0
        """Bytes put in since the connection began; notes count in these."""
        self._taken = 0
        """Bytes the kernel took since then."""
        self._waiting: dict[Playback, None] = {}  # type: ignore[type-arg]
        self._held = False
        self._scheduled = False
        self._ending = False
        self.closed = False
        """Nothing will be sent any more."""
        self.table_update = b""
        """What the next header block must begin with."""

    def table_size(self, size: int) -> None:
        """The client's decoder will keep a table of this size at most.

        Ours is never used, but shrinking must be acknowledged (RFC 7541 4.2).
        """
        if size < TABLE_SIZE:
            self.table_update = NO_TABLE

    def has_room(self, playback: Playback) -> bool:  # type: ignore[type-arg]
        """Whether frames may be put in now; if not, the playback is resumed when they may."""
        if not self._rest and self._size < ROOM:
            return True
        self._waiting[playback] = None
        return False

    def is_ready(self) -> bool:
        """Whether a whole response may be put in now as it is."""
        return not self._rest and self._size < ROOM and not self.table_update

    def put_known(self, data: bytes, known: Known, peer: Peer, stream: int) -> None:
        """The whole answer to a known request that came just now."""
        self._append(data)
        self._notes.append((self._put, known, peer, stream, monotonic()))

    def put(
        self, data: bytes, entry: Entry, events: int, cuts: Cuts | None = None, at: int = 0
    ) -> None:
        """Whole frames of a response, completing so many events.

        `cuts`: where they are cut; `at`: where in the response they begin.
        """
        if cuts is not None:
            self._cut.append((self._put, self._put + len(data), cuts, at))
        self._append(data)
        self._notes.append((self._put, entry, len(data), events, False))

    def put_end(self, entry: Entry) -> None:
        """What was put in for this response was its last."""
        self._notes.append((self._put, entry, 0, 0, True))
        self._schedule()

    def control(self, data: bytes) -> None:
        """Frames that are no part of a response."""
        self._append(data)
        if self._rest and self._size > MOST_CONTROL:
            self._connection.close()

    def end(self) -> None:
        """End the connection when everything has left."""
        self._ending = True
        self._schedule()

    def shut(self, *, reset: bool) -> None:
        """End the connection now, whatever has not left."""
        self.closed = True
        if reset:
            self._connection.reset()
        else:
            self._connection.finish()

    def hold(self) -> None:
        """More is coming: do not flush before `release`."""
        self._held = True

    def release(self) -> None:
        """Flush what came since `hold`."""
        self._held = False
        self.flush()

    def lost(self) -> None:
        """The connection is gone, and what has not left with it."""
        self.closed = True
        self._waiting.clear()
        for note in self._notes:
            if isinstance(note[1], Known):
                _, known, peer, stream, came = note
                entry = Entry(known.request, known.reply, peer, stream, known.events, came)
                self._journal.open(entry)
            else:
                entry = note[1]
            self._journal.close(entry, End.CLIENT_GONE)
        self._notes.clear()

    def flush(self) -> None:
        """Send what there is, and let those go on who waited for room."""
        while not self.closed and self._send_all():
            if self._waiting:
                waiting, self._waiting = self._waiting, {}
                held, self._held = self._held, True
                for playback in waiting:
                    playback.resume()
                self._held = held
            elif not self._parts:
                if self._ending:
                    self.closed = True
                    self._connection.finish()
                break

    def _append(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        self._put += len(data)
        self._schedule()

    def _schedule(self) -> None:
        if not self._held and not self._scheduled:
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
                taken = self._connection.wire.send(data)
                self._rest = memoryview(self._rest)[taken:]
                self._taken += taken
        except BlockingIOError:
            self._connection.want_writable()
        except OSError:
            self._connection.close()
            return False
        self._tell()
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

    def _tell(self) -> None:
        """Tell the journal what the kernel took."""
        told = 0
        journal = self._journal
        for note in self._notes:
            if note[0] > self._taken:
                break
            told += 1
            if isinstance(note[1], Known):
                _, known, peer, stream, came = note
                journal.instant(known, peer, stream, came)
                continue
            _, entry, size, events, last = note
            if last:
                journal.close(entry, End.FINISHED)
            else:
                journal.sent(entry, size, events)
        del self._notes[:told]
