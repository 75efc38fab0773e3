"""Starting, stopping, being full."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import FOLDER, Daemon, error, status, text
from scripted_api import DONE, HEAD, Api, chunk, read_all, read_until, until


@pytest.fixture
def daemon(api: Api, start: Callable[..., Daemon]) -> Daemon:
    """A daemon that the test may end."""
    return start({"OPENAI_API_BASE": api.base}, "--shutdown-timeout", "2", "--write-timeout", "5")


@pytest.fixture
def gate(api: Api) -> threading.Event:
    """Answers begin at once and finish when this is set."""
    opened = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(HEAD + b"\r\n" + chunk("a"))
        opened.wait(10)
        conn.sendall(chunk("b") + DONE)
        conn.close()

    api.script = script
    return opened


def begin(daemon: Daemon) -> socket.socket:
    client = daemon.hand_off()
    read_until(client, b'"a"}\n\n')
    return client


def test_sigterm_finishes_running_streams(daemon: Daemon, gate: threading.Event) -> None:
    client = begin(daemon)
    daemon.process.send_signal(signal.SIGTERM)
    until(lambda: not daemon.path.exists())
    with pytest.raises(OSError, match="No such file"):
        daemon.hand_off()
    gate.set()
    assert read_all(client) == b'data: {"content":"b"}\n\n' + DONE
    client.close()
    assert daemon.process.wait(5) == 0


def test_sigterm_serves_queued_handoffs(api: Api, daemon: Daemon) -> None:
    daemon.process.send_signal(signal.SIGSTOP)
    clients = [daemon.hand_off() for _ in range(100)]
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.send_signal(signal.SIGCONT)
    for client in clients:
        assert text(read_all(client)) == "hi"
        client.close()
    assert daemon.process.wait(5) == 0


@pytest.mark.parametrize("again", [False, True])
def test_a_stream_that_outlasts_the_shutdown_time_fails(
    api: Api, daemon: Daemon, again: bool
) -> None:
    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(HEAD + b"\r\n")
        if len(api.requests) == 1:
            with contextlib.suppress(OSError):  # one client stalls
                while True:
                    conn.sendall(chunk("x" * 10_000))
        conn.sendall(chunk("a"))
        while not stop.wait(0.1):
            conn.sendall(b": beat\n\n")

    stop = threading.Event()
    api.script = script
    stalled = daemon.hand_off()
    until(lambda: api.requests)
    client = begin(daemon)
    started = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    until(lambda: not daemon.path.exists())
    if again:
        daemon.process.send_signal(signal.SIGTERM)
    rest = read_all(client)
    assert b'"code": "shutting_down"' in rest
    assert daemon.process.wait(5) == 0
    assert time.monotonic() - started < (1.5 if again else 3.5)
    stop.set()
    stalled.close()
    client.close()


def test_sigterm_before_the_head(api: Api, start: Callable[..., Daemon]) -> None:
    api.script = lambda conn, _: None
    daemon = start({"OPENAI_API_BASE": api.base}, "--shutdown-timeout", "0.2")
    client = daemon.hand_off()
    until(lambda: api.requests)
    daemon.process.send_signal(signal.SIGTERM)
    answer = read_all(client)
    assert status(answer) == 504
    assert error(answer)["code"] == "shutting_down"
    assert daemon.process.wait(5) == 0


def test_max_connections(api: Api, start: Callable[..., Daemon], gate: threading.Event) -> None:
    daemon = start({"OPENAI_API_BASE": api.base}, "--max-connections", "2")
    clients = [begin(daemon) for _ in range(2)]
    for _ in range(3):
        assert status(daemon.ask()) == 503
    gate.set()
    for client in clients:
        read_all(client)
        client.close()
    until(lambda: status(daemon.ask()) == 200)


def test_a_stale_socket_is_replaced(api: Api, start: Callable[..., Daemon]) -> None:
    first = start({"OPENAI_API_BASE": api.base}, "--socket-mode", "0606")
    assert first.path.stat().st_mode & 0o777 == 0o606
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    assert first.path.exists()
    second = start({"OPENAI_API_BASE": api.base})
    assert text(second.ask()) == "hi"
    assert second.path.stat().st_mode & 0o777 == 0o660
    assert second.stop() == 0
    assert not second.path.exists()


def launch(path: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, FOLDER / "streaming-daemon", "--socket", path, *options],
        stderr=subprocess.PIPE,
        timeout=10,
        check=False,
    )


def test_a_live_socket_and_other_files_are_left_alone(daemon: Daemon, tmp_path: Path) -> None:
    second = launch(daemon.path)
    assert second.returncode == 1
    assert b"running daemon" in second.stderr
    assert text(daemon.ask()) == "hi"
    file = tmp_path / "file"
    file.write_text("precious")
    assert launch(file).returncode == 1
    assert file.read_text() == "precious"
    other = tmp_path / "stream.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(other))
        listener.listen()
        assert launch(other).returncode == 1
        assert other.exists()


def test_only_its_own_socket_is_removed(daemon: Daemon) -> None:
    daemon.path.rename(daemon.path.with_suffix(".moved"))
    daemon.path.write_text("another's")
    assert daemon.stop() == 0
    assert daemon.path.read_text() == "another's"


@pytest.mark.parametrize(
    "options",
    [
        ("--idle-timeout", "0"),
        ("--max-connections", "0"),
        ("--socket-mode", "9"),
        ("--format", "x"),
    ],
)
def test_wrong_options(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert launch(tmp_path / "x.sock", *options).returncode == 2


def test_signals_that_mean_nothing(daemon: Daemon, gate: threading.Event) -> None:
    client = begin(daemon)
    for _ in range(200):
        for number in (signal.SIGALRM, signal.SIGCHLD, signal.SIGUSR1):
            os.kill(daemon.process.pid, number)
    gate.set()
    assert read_all(client).endswith(DONE)
    client.close()
