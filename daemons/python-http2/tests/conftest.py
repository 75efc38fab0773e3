"""The daemon as a process, and clients for it."""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted_api import KEY, PATIENCE, Api, read_all, until

FOLDER = Path(__file__).parent.parent


class Daemon:
    """A running daemon."""

    def __init__(self, folder: Path, env: dict[str, str], *options: str) -> None:
        self.path = folder / "daemon.sock"
        self.log = folder / "daemon.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, FOLDER / "streaming-daemon", "--socket", self.path, *options],
                env={"OPENAI_API_KEY": KEY, "PATH": os.environ["PATH"], **env},
                stderr=log,
            )
        until(self.accepts)

    def accepts(self) -> bool:
        """Whether it is ready."""
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            return probe.connect_ex(str(self.path)) == 0

    def send(self, data: bytes, *fds: int) -> None:
        """Send one message, like the web server."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
            peer.connect(str(self.path))
            control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            peer.sendmsg([data], control)

    def hand_off(self, data: Any = None, *, small: bool = False) -> socket.socket:
        """Hand over one end of a connection; return the client's.

        small: a Unix socket, because TCP absorbs megabytes.
        """
        client, server = socket.socketpair() if small else tcp_pair()
        client.settimeout(PATIENCE)
        with server:
            payload = (
                data if isinstance(data, bytes) else json.dumps(data or {"prompt": "hi"}).encode()
            )
            self.send(payload, server.fileno())
        return client

    def ask(self, data: Any = None) -> bytes:
        """Hand a client over and read its whole response."""
        with self.hand_off(data) as client:
            return read_all(client)

    def fds(self) -> list[str]:
        """The targets of its descriptors."""
        folder = Path(f"/proc/{self.process.pid}/fd")
        return [os.readlink(path) for path in folder.iterdir() if path.is_symlink()]

    def end(self) -> None:
        """Kill it, and look at its log."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        log = self.log.read_text()
        assert KEY not in log
        assert "Traceback" not in log, log

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait for its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """A client's and a server's end of a connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        client.settimeout(PATIENCE)
        return client, listener.accept()[0]


def status(response: bytes) -> int:
    """The response's status."""
    return int(response.split(b" ", 2)[1])


def body(response: bytes) -> bytes:
    """What follows the response's head."""
    return response.partition(b"\r\n\r\n")[2]


def text(response: bytes) -> str:
    """The concatenated text of a response in format `simple`."""
    lines = (
        line[6:] for line in body(response).split(b"\n") if line.startswith(b'data: {"content')
    )
    return "".join(json.loads(line)["content"] for line in lines)


def error(response: bytes) -> Any:
    """The error object that a failed response ends with."""
    last = body(response).strip().split(b"\n")[-1]
    return json.loads(last.removeprefix(b"data: "))["error"]


@pytest.fixture(scope="session")
def shared_api() -> Iterator[Api]:
    api = Api()
    yield api
    api.listener.close()


@pytest.fixture
def api(shared_api: Api) -> Api:
    """The API, in its first state."""
    shared_api.reset()
    return shared_api


@pytest.fixture(scope="session")
def shared_daemon(shared_api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for all tests that do not end it, with short time bounds."""
    daemon = Daemon(
        tmp_path_factory.mktemp("daemon"),
        {"OPENAI_API_BASE": shared_api.base},
        *("--idle-timeout", "1", "--first-byte-timeout", "1", "--write-timeout", "1"),
        *("--handoff-timeout", "0.5", "--shutdown-timeout", "2"),
    )
    yield daemon
    daemon.end()


@pytest.fixture
def daemon(api: Api, shared_daemon: Daemon) -> Daemon:
    """A daemon in front of `api`."""
    assert shared_daemon.process.poll() is None
    return shared_daemon


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons with environment and options; ends them."""
    running: list[Daemon] = []

    def start(env: dict[str, str], *options: str) -> Daemon:
        running.append(Daemon(tmp_path, env, *options))
        return running[-1]

    yield start
    for daemon in running:
        daemon.end()
