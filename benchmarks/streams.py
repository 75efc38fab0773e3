"""Many streams at once through one daemon, and when each event arrived.

The clients are sockets, handed to the daemon as a web server does. One epoll loop reads
them all: it only stamps and keeps the bytes. They are parsed afterwards, with the mock
API's journal. A tick every few milliseconds measures how late the loop itself is: it sees
what arrives as late as it sees the tick.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from conformance.core.socket_type import SocketType
from conformance.daemon.proc import cpu, descendants, rss
from conformance.profiles.handoff.client_pair import Pair, pair
from conformance.profiles.handoff.payload import encode

READ = 65536
PATIENCE = 30.0
"""Seconds beyond the ideal duration until a run is given up."""

TICK = 0.005
"""Seconds between two ticks."""

AT_ONCE = 64
"""Handoffs between two looks at what has arrived: fewer than any daemon's backlog."""


@dataclass(slots=True)
class Stream:
    """One client."""

    token: str
    pair: Pair
    handed_off_at: float = 0.0
    reads: list[tuple[float, bytes]] = field(default_factory=list)
    ended: bool = False

    def arrivals(self) -> tuple[list[float], bool]:
        """When each event with text had come whole, and whether `[DONE]` came, last."""
        came: list[float] = []
        data = b""
        done = False
        body = False
        for at, piece in self.reads:
            data += piece
            if not body:
                head, blank, rest = data.partition(b"\r\n\r\n")
                if not blank:
                    continue
                if not head.startswith(b"HTTP/1.1 200 "):
                    return [], False
                data, body = rest, True
            *events, data = data.split(b"\n\n")
            for event in events:
                if event == b"data: [DONE]":
                    done = True
                else:
                    came.append(at)
        return came, done and self.ended and not data


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it."""

    streams: list[Stream]
    late: list[float]
    """How late the client's loop saw each tick, in seconds."""
    peak: int
    """The most resident memory of the daemon while every stream was open, in bytes."""
    cpu: float
    """Seconds of processor time that the daemon used."""


def run(
    path: Path,
    socket_type: SocketType,
    *,
    count: int,
    pattern: str,
    seconds: float,
    pid: int,
) -> Run:
    """Hand over `count` clients that ask for this pattern, and read until all have ended."""
    streams = [Stream(os.urandom(8).hex(), pair()) for _ in range(count)]
    poll = select.epoll()
    by_number = {each.pair.client.fileno(): each for each in streams}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    late: list[float] = []
    before = used(pid)
    memory = _Memory(pid)
    deadline = time.monotonic() + seconds + PATIENCE
    open_ = count
    waiting = streams.copy()
    tick = time.monotonic() + TICK
    try:
        while open_ and time.monotonic() < deadline:
            for _ in range(min(AT_ONCE, len(waiting))):
                if not _hand_over(waiting[-1], path, socket_type, pattern):
                    break  # its queue is full: read, and try again
                waiting.pop()
            pause = 0.0 if waiting else max(0.0, tick - time.monotonic())
            for number, _ in poll.poll(pause):
                open_ -= _take(by_number[number], poll)
            now = time.monotonic()
            if now >= tick:
                late.append(now - tick)
                tick = max(tick + TICK, now)
            if not waiting:
                memory.watch()
    finally:
        memory.stop()
        poll.close()
        for each in streams:
            each.pair.close()
    return Run(streams, late, memory.peak, used(pid) - before)


def _hand_over(stream: Stream, path: Path, socket_type: SocketType, pattern: str) -> bool:
    payload = encode({"prompt": "Go on.", "test_pattern": f"{pattern};t={stream.token}"})
    with socket.socket(socket.AF_UNIX, socket_type.number) as sender:
        sender.setblocking(False)
        problem = sender.connect_ex(str(path))
        if problem == errno.EAGAIN:
            return False
        if problem:
            raise OSError(problem, os.strerror(problem), str(path))
        stream.handed_off_at = time.monotonic()
        socket.send_fds(sender, [payload], [stream.pair.server.fileno()])
    stream.pair.server.close()
    return True


def _take(stream: Stream, poll: select.epoll) -> bool:
    """Read once; whether the stream has ended."""
    client = stream.pair.client
    try:
        data = client.recv(READ)
    except BlockingIOError:
        return False
    except OSError:
        poll.unregister(client)
        return True
    stream.reads.append((time.monotonic(), data))
    if data:
        return False
    stream.ended = True
    poll.unregister(client)
    return True


class _Memory:
    """Watches a process's memory from a thread of its own, ten times a second."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self) -> None:
        """Begin, unless begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            while not self._over.wait(0.1):
                self.peak = max(self.peak, resident(self._pid))


def resident(pid: int) -> int:
    """Bytes of memory of a process and its children."""
    return sum(rss(each) for each in (pid, *descendants(pid)))


def used(pid: int) -> float:
    """Seconds of processor time of a process and its children."""
    return sum(cpu(each) for each in (pid, *descendants(pid)))
