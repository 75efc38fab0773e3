"""Starting, stopping, limits, memory."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from clients import Http1Client, get, post
from conftest import FOLDER, Gateway
from scripted_api import DONE, HEAD, Api, chunk, sized, until


@pytest.fixture
def gateway(api: Api, start: Callable[..., Gateway]) -> Gateway:
    """A gateway that the test may end."""
    return start({"OPENAI_API_BASE": api.base}, "--shutdown-timeout", "2", "--idle-timeout", "1")


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


def begin(gateway: Gateway) -> Http1Client:
    client = gateway.connect()
    client.send(post())
    client.until(b"\r\n\r\n")
    return client


def refuses(gateway: Gateway) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", gateway.port)) != 0


def test_sigterm_finishes_running_responses(gateway: Gateway, gate: threading.Event) -> None:
    with begin(gateway) as client, gateway.connect_http2() as other, gateway.connect() as idle:
        stream = other.send()
        other.until(stream, b'"a"')
        gateway.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(gateway))
        assert idle.at_eof()
        assert other.read(other.send()).end == "RST 7"
        gate.set()
        assert client.until(b"0\r\n\r\n").count(b"[DONE]") == 1
        assert client.at_eof()
        answer = other.read(stream)
        assert (answer.text, answer.end) == ("ab", "END_STREAM")
        while other.step():
            pass
        assert other.goaway is not None
        assert gateway.process.wait(5) == 0


def test_sigterm_serves_what_is_queued(api: Api, gateway: Gateway) -> None:
    gateway.process.send_signal(signal.SIGSTOP)
    clients = [gateway.connect() for _ in range(50)]
    for client in clients:
        client.send(post())
    gateway.process.send_signal(signal.SIGTERM)
    gateway.process.send_signal(signal.SIGCONT)
    for client in clients:
        answer = client.read()
        assert answer.text == "hi"
        assert client.at_eof()
        client.sock.close()
    assert gateway.process.wait(5) == 0


def test_a_request_on_its_way_is_served(gateway: Gateway) -> None:
    with gateway.connect() as client:
        assert client.ask(post()).text == "hi"
        gateway.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(gateway))
        assert client.ask(post()).text == "hi"
    assert gateway.process.wait(5) == 0


def test_the_shutdown_time_ends_streams_with_an_error(
    gateway: Gateway, gate: threading.Event
) -> None:
    with gateway.connect() as client, gateway.connect_http2() as other:
        client.send(post())
        stream = other.send()
        other.until(stream, b'"a"')
        started = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        answer = client.read()
        assert answer.error["code"] in ("upstream_timeout", "shutting_down")
        assert b"[DONE]" not in answer.body
        assert other.read(stream).end == "RST 2"
        assert gateway.process.wait(5) == 0
        assert time.monotonic() - started < 4


def test_a_second_signal_ends_it_at_once(
    api: Api, start: Callable[..., Gateway], gate: threading.Event
) -> None:
    gateway = start({"OPENAI_API_BASE": api.base})
    with gateway.connect() as client:
        client.send(post())
        client.until(b'"a"')
        gateway.process.send_signal(signal.SIGTERM)
        until(lambda: refuses(gateway))
        gateway.process.send_signal(signal.SIGTERM)
        assert b"shutting_down" in client.until(b"0\r\n\r\n")
        assert gateway.process.wait(2) == 0


def test_a_stalled_client_does_not_extend_the_end(api: Api, gateway: Gateway) -> None:
    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(HEAD + b"\r\n")
        with contextlib.suppress(OSError):
            while True:
                conn.sendall(chunk("x" * 10_000))

    api.script = script
    with begin(gateway):
        started = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - started < 4


def test_more_requests_than_admitted_get_503(
    api: Api, start: Callable[..., Gateway], gate: threading.Event
) -> None:
    gateway = start({"OPENAI_API_BASE": api.base}, "--max-connections", "2")
    with begin(gateway) as first, begin(gateway):
        answer = gateway.ask()
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert answer.error["code"] == "max_connections"
        assert gateway.ask(get("/health")).status == 200
        first.sock.close()
        gate.set()
        until(lambda: gateway.ask().status == 200)


def test_idle_connections_make_room(api: Api, gateway: Gateway) -> None:
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    with contextlib.ExitStack() as idle:
        for _ in range(100):
            idle.enter_context(gateway.connect())
        assert gateway.ask().text == "hi"
        with begin(gateway) as client:
            assert client.until(b"0\r\n\r\n")


@pytest.mark.parametrize("secure", [False, True])
def test_a_stalled_client_pauses_the_api_and_gets_the_tail(
    api: Api, start: Callable[..., Gateway], secure: bool
) -> None:
    count, sent = 3000, 0
    pieces = [chunk(f"{number:05}" + "x" * 10_000) for number in range(count)]

    def script(conn: socket.socket, _: bytes) -> None:
        nonlocal sent
        conn.sendall(HEAD + b"\r\n")
        for piece in pieces:
            conn.sendall(piece)
            sent += 1
        conn.sendall(DONE)
        conn.close()

    gateway = start({"OPENAI_API_BASE": api.base}, "--idle-timeout", "1")
    assert gateway.ask().text == "hi"
    api.script = script
    idle = gateway.resident()
    port = gateway.tls_port if secure else gateway.port
    with Http1Client(port, ca_file=gateway.ca_file if secure else None) as client:
        client.send(post())
        last = -1
        while last != sent:
            last = sent
            threading.Event().wait(0.5)
        assert sent < count
        assert gateway.resident() - idle < 8 << 20
        threading.Event().wait(1.0)  # the API waits; it is not idle
        text = client.read().text
    assert text == "".join(f"{number:05}" + "x" * 10_000 for number in range(count))


def test_a_client_that_never_reads_is_disconnected(api: Api, start: Callable[..., Gateway]) -> None:
    ended = threading.Event()

    def script(conn: socket.socket, _: bytes) -> None:
        conn.sendall(HEAD + b"\r\n")
        with contextlib.suppress(OSError):
            while True:
                conn.sendall(chunk("x" * 10_000))
        ended.set()

    api.script = script
    gateway = start({"OPENAI_API_BASE": api.base}, "--write-timeout", "0.5")
    with begin(gateway) as client:
        assert ended.wait(10)
        with pytest.raises(ConnectionResetError):
            client.exactly(2**30)


def test_a_unix_socket_upstream(tmp_path: Path, start: Callable[..., Gateway]) -> None:
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        env = {"OPENAI_API_BASE": "http://api.example/v1", "OPENAI_API_SOCKET": str(path)}
        gateway = start(env)
        with gateway.connect() as client:
            client.send(post())
            conn, _ = listener.accept()
            with conn:
                assert conn.recv(65536).startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
                conn.sendall(sized(chunk("hi") + DONE))
                assert client.read().text == "hi"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--listen", "nonsense"), "expected HOST:PORT"),
        (("--listen-tls", "127.0.0.1:0"), "expected --certificate"),
        (("--config", "missing.toml"), "missing.toml"),
        (("--config", "bad.toml"), "bad.toml: api 1: expected a base URL"),
        (("--config", "odd.toml"), "bsae"),
        (("--max-connections", "0"), "at least 1"),
        (("--idle-timeout", "-1"), "above 0"),
    ],
)
def test_wrong_options(tmp_path: Path, options: tuple[str, ...], problem: str) -> None:
    (tmp_path / "bad.toml").write_text("[[api]]\n")
    (tmp_path / "odd.toml").write_text('[[api]]\nbsae = "http://x"\n')
    command = [sys.executable, FOLDER / "llm-gateway", *options]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert problem in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_that_is_taken(gateway: Gateway) -> None:
    listen = f"127.0.0.1:{gateway.port}"
    command = [sys.executable, FOLDER / "llm-gateway", "--listen", listen]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "cannot listen" in result.stderr
