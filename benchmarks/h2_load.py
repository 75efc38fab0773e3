"""A load generator for h2c whose requests are all unlike, which h2load's cannot be.

    python benchmarks/h2_load.py PORT REQUESTS

What is sent is made before the clock starts, with the `hpack` library: so header fields
are indexed and Huffman coded as by most clients. While the clock runs, one epoll loop
keeps ten requests in flight on each of ten connections, and counts the answers by their
last event. Prints the seconds it took.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from random import Random

import hpack

CONNECTIONS = 10
IN_FLIGHT = 10
READ = 256 * 1024
LAST_EVENT = b"data: [DONE]\n\n"

WORDS = (
    "stream", "token", "please", "explain", "why", "the", "server", "closed", "a", "connection",
    "before", "every", "event", "arrived", "über", "日本", "in", "two", "short", "sentences",
)  # fmt: skip

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WIDE = 2**31 - 1


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One HTTP/2 frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


OPENING = (
    PREFACE
    + frame(4, 0, 0, struct.pack(">HI", 4, WIDE))  # INITIAL_WINDOW_SIZE
    + frame(8, 0, 0, struct.pack(">I", WIDE - 65535))  # WINDOW_UPDATE
)
"""Windows as wide as they go: no answer waits for one."""
SETTINGS_ACK = frame(4, 1, 0, b"")


class Requests:
    """One connection's requests, as frames; each call makes the next."""

    def __init__(self, connection: int) -> None:
        self._name = f"c{connection}"
        self._random = Random(connection)  # noqa: S311  # it is repeatable on purpose
        self._encoder = hpack.Encoder()
        self._stream = -1

    def __call__(self) -> bytes:
        self._stream += 2
        identity = f"{self._name}-{self._stream}"
        text = " ".join(self._random.choices(WORDS, k=self._random.randint(6, 30)))
        body = {
            "model": "mock",
            "stream": True,
            "messages": [{"role": "user", "content": f"Question {identity}: {text}?"}],
        }
        data = json.dumps(body, ensure_ascii=False).encode()
        fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/v1/chat/completions"),
            (":authority", "mock"),
            ("user-agent", "h2_load"),
            ("content-type", "application/json"),
            ("authorization", f"Bearer sk-{self._name}"),
            ("x-request-id", f"{self._name}-{self._stream * 7919}"),
            ("x-test-pattern", f";t={identity}"),
            ("content-length", str(len(data))),
        ]
        block = self._encoder.encode(fields)
        return frame(1, 4, self._stream, block) + frame(0, 1, self._stream, data)


class Connection:
    """One connection: what it has still to send, and how many answers it waits for."""

    def __init__(self, port: int, waiting: list[bytes]) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.waiting = waiting[::-1]
        self.unanswered = len(waiting)
        self._tail = b""

    def begin(self) -> None:
        """Send the first requests."""
        self.sock.sendall(OPENING + SETTINGS_ACK + self._next(IN_FLIGHT))

    def read(self) -> None:
        """Count the answers that arrived, and send as many requests."""
        came = self.sock.recv(READ)
        if not came:
            raise SystemExit("the server closed a connection")
        came = self._tail + came
        answered = came.count(LAST_EVENT)
        self._tail = came[1 - len(LAST_EVENT) :]
        if answered:
            self.unanswered -= answered
            if self.waiting:
                self.sock.sendall(self._next(answered))

    def _next(self, count: int) -> bytes:
        waiting = self.waiting
        return b"".join([waiting.pop() for _ in range(min(count, len(waiting)))])


def load(port: int, requests: int) -> float:
    """Send this many requests; the seconds until all were answered."""
    each = requests // CONNECTIONS
    makers = [Requests(number) for number in range(CONNECTIONS)]
    connections = [Connection(port, [make() for _ in range(each)]) for make in makers]
    by_descriptor = {connection.sock.fileno(): connection for connection in connections}
    poll = select.epoll()
    began = time.perf_counter()
    for descriptor, connection in by_descriptor.items():
        poll.register(descriptor, select.EPOLLIN)
        connection.begin()
    while by_descriptor:
        ready = poll.poll(10)
        if not ready:
            raise SystemExit("the server stopped answering")
        for descriptor, _ in ready:
            connection = by_descriptor[descriptor]
            connection.read()
            if not connection.unanswered:
                poll.unregister(descriptor)
                del by_descriptor[descriptor]
    return time.perf_counter() - began


if __name__ == "__main__":
    port, requests = map(int, sys.argv[1:])
    print(load(port, requests))
