"""Clients that leave, stall, or send more than the daemon wants."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Daemon, text
from scripted_api import (
    DONE,
    HEAD,
    Api,
    chunk,
    framed,
    read_all,
    read_until,
    sends,
    sized,
    until,
)


@pytest.mark.parametrize("how", ["close", "half-close", "reset"])
@pytest.mark.parametrize("begun", [False, True])
def test_a_client_that_leaves_ends_the_request(
    api: Api, daemon: Daemon, how: str, begun: bool
) -> None:
    ended = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        if begun:
            conn.sendall(framed(chunk("a")))
        with contextlib.suppress(OSError):
            conn.recv(1)
        ended.set()

    api.script = script
    before = len(daemon.fds())
    client = daemon.hand_off()
    client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    until(lambda: api.requests)
    if begun:
        read_until(client, b'"a"}\n\n')
    if how == "half-close":
        client.shutdown(socket.SHUT_WR)
        assert b"client_left" in read_all(client)
    elif how == "reset":
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert ended.wait(0.9)  # and not because of a time bound
    until(lambda: len(daemon.fds()) <= before)


def test_a_client_that_left_before_is_not_served(api: Api, daemon: Daemon) -> None:
    client, server = socket.socketpair()
    client.close()
    daemon.send(b'{"prompt":"x"}', server.fileno())
    server.close()
    assert text(daemon.ask()) == "hi"
    assert len(api.requests) == 1


def test_unread_input_does_not_cost_the_tail(api: Api, daemon: Daemon) -> None:
    api.script = sends(sized(chunk("x" * 500_000) + DONE), close=False)
    client = daemon.hand_off()
    client.sendall(b"x" * 100_000)
    answer = b""
    while more := client.recv(1000):
        answer += more
        if len(answer) < 100_000:
            client.sendall(b"more")
    assert answer.endswith(DONE)
    client.close()


def test_a_stalled_client_pauses_the_api_and_gets_the_tail(
    api: Api, start: Callable[..., Daemon]
) -> None:
    count = 2000
    sent = 0
    pieces = [chunk(f"{number:05}" + "x" * 10_000) for number in range(count)]

    def script(conn: socket.socket, _: bytes) -> None:
        nonlocal sent
        conn.sendall(HEAD + b"\r\n")
        for piece in pieces:
            conn.sendall(piece)
            sent += 1
        conn.sendall(DONE)
        conn.close()

    api.script = script
    daemon = start({"OPENAI_API_BASE": api.base}, "--idle-timeout", "1")
    assert text(daemon.ask({"prompt": "warm"})).startswith("00000")
    idle, sent = rss(daemon), 0
    with daemon.hand_off(small=True) as client:
        first = read_until(client, b"data: ")
        last = -1
        while last != sent:
            last = sent
            threading.Event().wait(0.5)
        assert sent < count
        assert rss(daemon) - idle < 8 << 20
        threading.Event().wait(1.0)  # the API waits; it is not idle
        answer = text(first + read_all(client))
    assert answer == "".join(f"{number:05}" + "x" * 10_000 for number in range(count))


def rss(daemon: Daemon) -> int:
    """Resident bytes."""
    status_file = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status_file.partition("VmRSS:")[2].split()[0]) * 1024


def test_a_client_that_never_reads_is_given_up(api: Api, daemon: Daemon) -> None:
    ended = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(HEAD + b"\r\n")
        with contextlib.suppress(OSError):
            while True:
                conn.sendall(chunk("x" * 10_000))
        ended.set()

    api.script = script
    with daemon.hand_off() as client:
        assert ended.wait(10)
        with pytest.raises(ConnectionResetError):
            read_all(client)
