"""A daemon as a process, and an API that says exactly the bytes a test wants said."""

from __future__ import annotations

import array
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent
KEY = "sk-secret-canary"
PATIENCE = 15.0
"""Seconds until a test gives up; nothing that passes waits for them."""

Script = Callable[[socket.socket, bytes], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
DONE = b"data: [DONE]\n\n"


def chunk(text: str | None = None, *, finish: str | None = None, index: int = 0) -> bytes:
    """An event as the API sends it."""
    delta = {} if text is None else {"content": text}
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def sized(body: bytes) -> bytes:
    """A whole response with Content-Length."""
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Api:
    """An HTTP/1.1 API whose every answer is a function of the test's."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self.reset()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        """Forget what happened, and answer as if nobody had asked for anything else."""
        self.requests: list[bytes] = []
        self.connections = 0
        self.script: Script = lambda conn, _: conn.sendall(sized(chunk("hi") + DONE))
        self.greet: Callable[[socket.socket], None] = lambda conn: None
        """Called before anything is read; may be the end of the connection."""

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn: socket.socket) -> None:
        try:
            self.greet(conn)
            while request := read_request(conn):
                self.requests.append(request)
                self.script(conn, request)
        except OSError:
            pass  # the daemon left, or the script closed it
        finally:
            conn.close()

    def body(self, index: int = -1) -> Any:
        """The JSON of a request."""
        return json.loads(self.requests[index].partition(b"\r\n\r\n")[2])


def read_request(conn: socket.socket) -> bytes:
    """One request with its body, or nothing at EOF."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := conn.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    (length,) = (
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


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

        small: not TCP, which absorbs megabytes, but a Unix socket, which does not.
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
        """Hand a client over and read all that it gets."""
        with self.hand_off(data) as client:
            return read_all(client)

    def fds(self) -> list[str]:
        """What its descriptors point at."""
        folder = Path(f"/proc/{self.process.pid}/fd")
        return [os.readlink(each) for each in folder.iterdir() if each.is_symlink()]

    def end(self) -> None:
        """Kill it, and look at what it said."""
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


def read_all(client: socket.socket) -> bytes:
    """Everything until EOF."""
    data = bytearray()
    while more := client.recv(65536):
        data += more
    return bytes(data)


def read_until(client: socket.socket, end: bytes) -> bytes:
    """Everything until these bytes have come."""
    data = b""
    while end not in data:
        more = client.recv(65536)
        assert more, f"ended without {end!r}: {data!r}"
        data += more
    return data


def until(holds: Callable[[], Any]) -> None:
    """Wait until something that cannot be waited for holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"never: {holds}"
        select.select([], [], [], 0.01)


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
    """The API, as if nothing had happened before."""
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
