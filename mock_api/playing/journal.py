"""The journal: every request the mock received, and what became of it.

It is a ring: the newest entries are kept, bounded in number and in bytes of
request bodies. On the hot path an entry is four references: what is known about
the request, who sent it, when it came and when its answer had been handed to the
kernel. It becomes a full entry when somebody asks for it.

A key is never kept: where a request carries one, the entry holds the name it
was registered under, and the header's value is withheld before the request gets
here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from time import monotonic

from mock_api.playing.exchange import End, Entry, Known, Peer, Reply

MOST_BODY_BYTES = 128 * 1024 * 1024
"""Some hundred of the largest requests a scenario sends, and harmless on any machine."""

MOST_STAMPS = 100_000
"""Of an endless answer the first so many sends are told apart."""

Instant = tuple[Known, Peer, int | None, float, float]
"""An exchange that was over at once: what was known, who asked, its stream, when it
came, when its answer had been handed to the kernel."""

Index = dict[str, deque[tuple[int, Entry | Instant]]]
"""What the ring holds, by what requests carry: the entries and their numbers, oldest first."""


class Journal:
    """A bounded ring of entries, and those who wait for one to change."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._ring: deque[Entry | Instant] = deque()
        self._by_token: Index = {}
        self._by_key: Index = {}
        self._opened = 0
        """Entries there ever were; each one's number is how many there were with it."""
        self._cleared = 0
        """Up to which number they have been cleared away on request."""
        self._body_bytes = 0
        self._watchers: list[Callable[[Entry], None]] = []
        self.reset_counts()

    @property
    def dropped(self) -> int:
        """Entries that fell out of the ring."""
        return self._opened - self._cleared - len(self._ring)

    def instant(self, known: Known, peer: Peer, stream: int | None, came: float) -> None:
        """Add an exchange that is over: the kernel has just taken all of its answer."""
        self._opened += 1
        self._finished += 1
        self._bytes_sent += known.size
        ring = self._ring
        if len(ring) >= self._size:
            self._drop()
        entry = (known, peer, stream, came, monotonic())
        ring.append(entry)
        self._note(known.reply, entry)
        if self._watchers:
            self._changed(_full(entry, self._opened))

    def open(self, entry: Entry) -> None:
        """Add the entry, giving it its number."""
        self._opened += 1
        entry.id = self._opened
        self._ring.append(entry)
        self._note(entry.reply, entry)
        self._body_bytes += len(entry.request.body)
        while len(self._ring) > self._size or self._body_bytes > MOST_BODY_BYTES:
            self._drop()
        if self._watchers:
            self._changed(entry)

    def sent(self, entry: Entry, size: int, events: int) -> None:
        """So many bytes, completing so many events, were handed to the kernel just now."""
        entry.bytes_sent += size
        if entry.id:
            self._bytes_sent += size
        if events:
            entry.events_sent += events
            if len(entry.stamps) < MOST_STAMPS:
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
        """Forget every entry. Numbers go on."""
        self._ring.clear()
        self._by_token.clear()
        self._by_key.clear()
        self._cleared = self._opened
        self._body_bytes = 0

    def find(
        self, *, token: str | None = None, key: str | None = None, after: int = 0
    ) -> Iterator[Entry]:
        """The entries that carried the token and the key of that name, oldest first."""
        if token is not None:
            found: Iterable[tuple[int, Entry | Instant]] = self._by_token.get(token, ())
        elif key is not None:
            found = self._by_key.get(key, ())
        else:
            found = enumerate(self._ring, self._opened - len(self._ring) + 1)
        for number, entry in tuple(found):
            if number > after and key in (None, _reply(entry).key):
                yield _full(entry, number)

    def watch(self, watcher: Callable[[Entry], None]) -> Callable[[], None]:
        """Call the watcher whenever an entry changed; the function returned ends that."""
        self._watchers.append(watcher)

        def unwatch() -> None:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

        return unwatch

    def _note(self, reply: Reply, entry: Entry | Instant) -> None:
        """Index the entry that was added last."""
        token = reply.selection.token
        if token is not None:
            self._by_token.setdefault(token, deque()).append((self._opened, entry))
        if reply.key is not None:
            self._by_key.setdefault(reply.key, deque()).append((self._opened, entry))

    def _drop(self) -> None:
        entry = self._ring.popleft()
        reply = _reply(entry)
        for index, name in ((self._by_token, reply.selection.token), (self._by_key, reply.key)):
            if name is not None:
                index[name].popleft()  # the oldest of all is its own index's oldest
                if not index[name]:
                    del index[name]
        if isinstance(entry, Entry):  # The others share their requests.
            self._body_bytes -= len(entry.request.body)

    def _changed(self, entry: Entry) -> None:
        for watcher in tuple(self._watchers):
            watcher(entry)


def _reply(entry: Entry | Instant) -> Reply:
    return entry[0].reply if isinstance(entry, tuple) else entry.reply


def _full(entry: Entry | Instant, number: int) -> Entry:
    if isinstance(entry, Entry):
        return entry
    known, peer, stream, came, went = entry
    full = Entry(known.request, known.reply, peer, stream, known.events, came)
    full.id = number
    full.bytes_sent = known.size
    full.events_sent = known.sends
    full.stamps = [(went, known.sends)]
    full.end = End.FINISHED
    full.ended_at = went
    return full
