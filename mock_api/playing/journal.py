"""The journal: every request that the mock received, and how its exchange went.

It is a ring: the newest entries are kept, bounded in number and in bytes of request
bodies. It never keeps a key: an entry holds the name under which the key is registered,
and the protocols withhold the header's value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from time import monotonic

from mock_api.playing.entry import End, Entry

MOST_BODY_BYTES = 128 * 1024 * 1024
"""Room for a hundred of the largest requests of a scenario; small for any machine."""

MOST_STAMPS = 100_000
"""How many sends of an endless answer get a time of their own."""

Index = dict[str, Entry | deque[Entry]]
"""The entries of the ring by a name, oldest first. A single entry has no deque: tokens are
many, and a deque takes more memory than its entry."""


class Journal:
    """A bounded ring of entries, and watchers of their changes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._ring: deque[Entry] = deque()
        self._by_token: Index = {}
        self._by_key: Index = {}
        self._opened = 0
        """How many entries were added; an entry's number is this count at that time."""
        self._cleared = 0
        """The number of the last entry that `clear` removed."""
        self._body_bytes = 0
        self._watchers: list[Callable[[Entry], None]] = []
        self.reset_counts()

    @property
    def dropped(self) -> int:
        """How many entries fell out of the ring."""
        return self._opened - self._cleared - len(self._ring)

    def open(self, entry: Entry) -> None:
        """Add the entry and give it its number."""
        self._opened = entry.id = self._opened + 1
        ring = self._ring
        ring.append(entry)
        reply = entry.reply
        if reply.token is not None:
            _add(self._by_token, reply.token, entry)
        if reply.key is not None:
            _add(self._by_key, reply.key, entry)
        self._body_bytes += len(entry.request.body)
        while len(ring) > self._size or self._body_bytes > MOST_BODY_BYTES:
            self._drop()
        if self._watchers:
            self._changed(entry)

    def instant(self, entry: Entry, size: int) -> None:
        """Add an exchange that is over: the kernel just took all `size` bytes of its answer."""
        entry.ended_at = monotonic()
        entry.bytes_sent = size
        entry.events_sent = len(entry.events)
        entry.end = End.FINISHED
        self._finished += 1
        self._bytes_sent += size
        self.open(entry)

    def finish(self, entry: Entry, size: int) -> None:
        """The kernel just took all `size` bytes of the entry's answer, and it has ended."""
        entry.ended_at = monotonic()
        entry.bytes_sent = size
        entry.events_sent = len(entry.events)
        entry.end = End.FINISHED
        if entry.id:
            self._finished += 1
            self._bytes_sent += size
        if self._watchers:
            self._changed(entry)

    def sent(self, entry: Entry, size: int, events: int) -> None:
        """The kernel just took `size` bytes, which complete this number of events."""
        entry.bytes_sent += size
        if entry.id:
            self._bytes_sent += size
        if events:
            entry.events_sent += events
            stamps = entry.stamps
            if stamps is None:
                entry.stamps = [(monotonic(), events)]
            elif len(stamps) < MOST_STAMPS:
                stamps.append((monotonic(), events))
        if self._watchers:
            self._changed(entry)

    def close(self, entry: Entry, end: End) -> None:
        """The entry's exchange ended."""
        if entry.end is End.RUNNING:
            entry.end = end
            entry.ended_at = monotonic()
            if entry.id:
                if end is End.FINISHED:
                    self._finished += 1
                else:
                    self._gone += 1
            if self._watchers:
                self._changed(entry)

    def reset_counts(self) -> None:
        """Count from zero."""
        self._counted_from = self._opened
        self._finished = self._gone = self._bytes_sent = 0

    def counts(self) -> dict[str, int]:
        """What happened since the start or the last reset; `/stats` shows it."""
        return {
            "requests": self._opened - self._counted_from,
            "finished": self._finished,
            "client_gone": self._gone,
            "bytes_sent": self._bytes_sent,
        }

    def clear(self) -> None:
        """Remove every entry. Numbers go on."""
        self._ring.clear()
        self._by_token.clear()
        self._by_key.clear()
        self._cleared = self._opened
        self._body_bytes = 0

    def find(
        self, *, token: str | None = None, key: str | None = None, after: int = 0
    ) -> Iterator[Entry]:
        """The entries with the token and the key of that name, oldest first."""
        if token is not None:
            entries = _all(self._by_token, token)
        elif key is not None:
            entries = _all(self._by_key, key)
        else:
            entries = self._ring
        for entry in tuple(entries):
            if entry.id > after and key in (None, entry.reply.key):
                yield entry

    def watch(self, watcher: Callable[[Entry], None]) -> Callable[[], None]:
        """Call the watcher when an entry changes; the returned function ends that."""
        self._watchers.append(watcher)

        def unwatch() -> None:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

        return unwatch

    def _drop(self) -> None:
        entry = self._ring.popleft()
        reply = entry.reply
        if reply.token is not None:
            _drop_oldest(self._by_token, reply.token)
        if reply.key is not None:
            _drop_oldest(self._by_key, reply.key)
        self._body_bytes -= len(entry.request.body)

    def _changed(self, entry: Entry) -> None:
        for watcher in tuple(self._watchers):
            watcher(entry)


def _add(index: Index, name: str, entry: Entry) -> None:
    present = index.setdefault(name, entry)
    if isinstance(present, deque):
        present.append(entry)
    elif present is not entry:
        index[name] = deque((present, entry))


def _all(index: Index, name: str) -> Iterable[Entry]:
    entries = index.get(name, ())
    return (entries,) if isinstance(entries, Entry) else entries


def _drop_oldest(index: Index, name: str) -> None:
    entries = index.pop(name)
    if isinstance(entries, deque):
        entries.popleft()
        if entries:
            index[name] = entries
