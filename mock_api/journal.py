"""The journal: every request the mock received, and what became of it.

It is a ring: the newest entries are kept, bounded in number and in bytes of
request bodies. On the hot path an entry is a handful of references; what can
be computed is computed when somebody asks. So an entry does not hold the events
it sent but how many of its script's events had been handed to the kernel at
which time.

A key is never kept: where a request carries one, the entry holds the name it
was registered under, and the header's value is withheld before the request gets
here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic

from mock_api.exchange import End, Entry

MOST_BODY_BYTES = 128 * 1024 * 1024
"""Some hundred of the largest requests a scenario sends, and harmless on any machine."""


class Journal:
    """A bounded ring of entries, and those who wait for one to change."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: deque[Entry] = deque()
        self._next_id = 1
        self._body_bytes = 0
        self._watchers: list[Callable[[Entry], None]] = []
        self.dropped = 0
        """Entries that fell out of the ring."""
        self.reset_counts()

    def open(self, entry: Entry) -> None:
        """Add the entry, giving it its number."""
        self._opened += 1
        entry.id = self._next_id
        self._next_id += 1
        entries = self._entries
        entries.append(entry)
        self._body_bytes += len(entry.request.body)
        while len(entries) > self._size or self._body_bytes > MOST_BODY_BYTES:
            self._body_bytes -= len(entries.popleft().request.body)
            self.dropped += 1
        if self._watchers:
            self._changed(entry)

    def sent(self, entry: Entry, size: int, events: int) -> None:
        """So many bytes, completing so many events, were handed to the kernel just now."""
        entry.bytes_sent += size
        self._bytes_sent += size
        if events:
            entry.stamps.append((monotonic(), events))
        if self._watchers:
            self._changed(entry)

    def close(self, entry: Entry, end: End) -> None:
        """The entry's exchange is over."""
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
        self._opened = self._finished = self._gone = self._bytes_sent = 0

    def counts(self) -> dict[str, int]:
        """What happened since the start or the last reset; `/stats` shows it."""
        return {
            "requests": self._opened,
            "finished": self._finished,
            "client_gone": self._gone,
            "bytes_sent": self._bytes_sent,
        }

    def clear(self) -> None:
        """Forget every entry. Numbers go on."""
        self._entries.clear()
        self._body_bytes = 0
        self.dropped = 0

    def find(
        self, *, token: str | None = None, key: str | None = None, after: int = 0
    ) -> Iterator[Entry]:
        """The entries that carried the token and the key of that name, oldest first."""
        for entry in self._entries:
            if (
                entry.id > after
                and (token is None or entry.token == token)
                and (key is None or entry.key == key)
            ):
                yield entry

    def watch(self, watcher: Callable[[Entry], None]) -> Callable[[], None]:
        """Call the watcher whenever an entry changed; the function returned ends that."""
        self._watchers.append(watcher)

        def unwatch() -> None:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

        return unwatch

    def _changed(self, entry: Entry) -> None:
        for watcher in tuple(self._watchers):
            watcher(entry)
