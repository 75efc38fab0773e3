"""What arrives on the daemon's socket: messages, descriptors, peers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Daemon, body, error, status, tcp_pair, text
from scripted_api import DONE, Api, chunk, read_all, sized, until


def test_an_answer(api: Api, daemon: Daemon) -> None:
    answer = daemon.ask({"prompt": "hi", "response_headers": {"X-A": "é", "Connection": "keep"}})
    head = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/event-stream",
        b"Cache-Control: no-cache",
        b"Connection: close",
        b"X-Accel-Buffering: no",
        "X-A: é".encode(),
    ]
    assert body(answer) == b'data: {"content":"hi"}\n\n' + DONE
    assert b"authorization: Bearer sk-secret-canary\r\n" in api.requests[0]
    assert b"accept-encoding: identity\r\n" in api.requests[0]


@pytest.mark.parametrize("blocking", [True, False])
def test_the_senders_descriptor_keeps_its_flags(daemon: Daemon, blocking: bool) -> None:
    client, server = tcp_pair()
    server.setblocking(blocking)
    daemon.send(b'{"prompt":"x"}', server.fileno())
    assert text(read_all(client)) == "hi"  # EOF, although this copy is open
    assert server.getblocking() == blocking


def test_a_unix_client(daemon: Daemon) -> None:
    client, server = socket.socketpair()
    daemon.send(b'{"prompt":"x"}', server.fileno())
    server.close()
    assert text(read_all(client)) == "hi"


@pytest.mark.parametrize("data", [b"\0", b"", b"[]", b'{"prompt":1}'])
def test_data_that_is_no_request(api: Api, daemon: Daemon, data: bytes) -> None:
    answer = daemon.ask(data) if data else _ask_with_nothing(daemon)
    assert status(answer) == 400
    assert error(answer).keys() == {"message", "type", "code"}
    assert not api.requests


def _ask_with_nothing(daemon: Daemon) -> bytes:
    client, server = tcp_pair()
    with server:
        daemon.send(b"", server.fileno())
    return read_all(client)


def test_errors_carry_the_response_headers(daemon: Daemon) -> None:
    answer = daemon.ask({"prompt": 1, "response_headers": {"X-A": "1", "X-B": "a\r\nX-C: 1"}})
    assert b"\r\nX-A: 1\r\n" in answer
    assert b"X-B" not in answer
    assert b"X-C:" not in answer


def test_a_large_payload_whole_or_refused(api: Api, daemon: Daemon) -> None:
    for size in (131_072, 212_960):
        data = json.dumps({"prompt": "é" * 1000, "pad": "x" * size}, ensure_ascii=False).encode()
        data = data.replace(b"x" * (len(data) - size), b"", 1)
        assert len(data) == size
        assert status(daemon.ask(data)) == 200
        assert api.body()["messages"][0]["content"] == "é" * 1000


def test_a_truncated_message_is_refused(api: Api, daemon: Daemon) -> None:
    client, server = tcp_pair()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer, server:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        if peer.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < 600_000:
            pytest.skip("the kernel's wmem_max admits no message as large")
        peer.connect(str(daemon.path))
        socket.send_fds(peer, [b'{"prompt":"' + b"x" * 300_000 + b'"}'], [server.fileno()])
    assert status(read_all(client)) == 413
    assert not api.requests


def test_no_descriptor_and_too_many(api: Api, daemon: Daemon) -> None:
    daemon.send(b'{"prompt":"x"}')
    before = len(daemon.fds())
    pairs = [tcp_pair() for _ in range(60)]
    daemon.send(b'{"prompt":"x"}', *(server.fileno() for _, server in pairs))
    for _, server in pairs:
        server.close()
    answers = [read_all(client) for client, _ in pairs]
    for client, _ in pairs:
        client.close()
    assert text(answers[0]) == "hi"
    assert answers[1:] == [b""] * 59
    until(lambda: len(daemon.fds()) <= before + 1)  # one pooled connection
    assert len(api.requests) == 1


def test_wrong_kinds_are_closed_untouched(api: Api, daemon: Daemon, tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    listener = socket.create_server(("127.0.0.1", 0))
    unconnected = socket.socket()
    datagrams = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    packets = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    file = (tmp_path / "file").open("wb")
    things = (write_end, listener, unconnected, datagrams[0], packets[0], file)
    for thing in things:
        descriptor = thing if isinstance(thing, int) else thing.fileno()
        daemon.send(b'{"prompt":"x"}', descriptor)
        daemon.send(b"bad", descriptor)
    assert text(daemon.ask()) == "hi"
    os.close(write_end)
    assert os.read(read_end, 1) == b""  # the daemon holds no copy
    os.close(read_end)
    for end in (datagrams[1], packets[1]):
        end.setblocking(False)
        with pytest.raises(BlockingIOError):
            end.recv(1)
    for sock in (listener, unconnected, *datagrams, *packets, file):
        sock.close()
    assert (tmp_path / "file").stat().st_size == 0
    assert len(api.requests) == 1


def test_descriptors_are_close_on_exec(api: Api, daemon: Daemon) -> None:
    api.script = lambda conn, _: None  # silent
    with daemon.hand_off():
        until(lambda: api.requests)
        for fd in Path(f"/proc/{daemon.process.pid}/fdinfo").iterdir():
            if int(fd.name) > 2:
                flags = fd.read_text().partition("flags:")[2].split()[0]
                assert int(flags, 8) & os.O_CLOEXEC, os.readlink(fd.parent.parent / "fd" / fd.name)


def test_silent_peers_delay_no_other_and_are_closed(daemon: Daemon) -> None:
    peers = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(20)]
    for peer in peers:
        peer.connect(str(daemon.path))
    started = time.monotonic()
    assert text(daemon.ask()) == "hi"
    assert time.monotonic() - started < 0.5
    for peer in peers:
        peer.settimeout(5)
        assert peer.recv(1) == b""
        peer.close()


def test_a_late_message_is_served(daemon: Daemon) -> None:
    client, server = tcp_pair()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer, server:
        peer.connect(str(daemon.path))
        assert text(daemon.ask()) == "hi"  # it has been accepted and found silent
        socket.send_fds(peer, [b'{"prompt":"x"}'], [server.fileno()])
    assert text(read_all(client)) == "hi"


def test_descriptor_exhaustion(api: Api, start: Callable[..., Daemon]) -> None:
    release = []
    api.script = lambda conn, _: release.append(conn)
    daemon = start({"OPENAI_API_BASE": api.base})
    room = 40
    subprocess.run(
        ["prlimit", f"--pid={daemon.process.pid}", f"--nofile={len(daemon.fds()) + room}"],
        check=True,
    )
    clients = [daemon.hand_off() for _ in range(room * 2)]
    until(lambda: "cannot accept" in daemon.log.read_text() or len(daemon.fds()) >= room)
    ticks = _cpu(daemon)
    time.sleep(0.5)
    assert _cpu(daemon) - ticks < 20  # hundredths of a second: it does not spin
    for client in clients:
        client.close()
    api.script = lambda conn, _: conn.sendall(sized(chunk("ok") + DONE))
    assert text(daemon.ask()) == "ok"
    assert len(release) < room


def _cpu(daemon: Daemon) -> int:
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_response_header_is_a_string(daemon: Daemon) -> None:
    answer = daemon.ask({"prompt": "x", "response_headers": {"X-A": 5, "X-B": "5", "X-C": None}})
    assert b"X-B: 5\r\n" in answer
    assert b"X-A:" not in answer
    assert b"X-C:" not in answer
