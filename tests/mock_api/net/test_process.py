"""The mock as a process: its options, its ready line, its workers, its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from tests.mock_api.clients.http1 import H1Client
from tests.mock_api.clients.mock import PATIENCE, Mock, chat


def run(*options: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    """Run the mock to its end."""
    return subprocess.run(
        [sys.executable, "-m", "mock_api", *options],
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_the_ready_line(mock: Mock) -> None:
    assert set(mock.ready) == {"ready", "pid", "http", "https", "socket", "ca_file", "control"}
    assert mock.ready["ready"] is True
    assert mock.ready["pid"] == mock.process.pid
    assert mock.ready["http"] == f"http://127.0.0.1:{mock.port}/v1"
    assert mock.ready["https"].startswith("https://127.0.0.1:")
    assert mock.ready["control"] == f"http://127.0.0.1:{mock.port}/_control"
    assert Path(mock.ready["ca_file"]).read_text().startswith("-----BEGIN CERTIFICATE")


def test_what_is_not_there_is_null(start_mock: Callable[..., Mock]) -> None:
    ready = start_mock().ready
    assert (ready["https"], ready["socket"], ready["ca_file"]) == (None, None, None)


def test_the_users_port(start_mock: Callable[..., Mock]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert start_mock("--port", str(port)).port == port
    refused = run("--port", str(port))
    assert refused.returncode == 1
    assert "in use" in refused.stderr


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_on_signals_with_streams_running(tmp_path: Path, signum: int) -> None:
    path = tmp_path / "s"
    mock = Mock("--delay", "60000", "--socket", str(path))
    client = H1Client(mock.connect())
    client.send("POST", "/v1/chat/completions", chat())
    client.head()
    assert mock.stop(signum) == 0
    assert not path.exists()
    assert client.sock.recv(1) == b""
    client.close()


def test_it_ends_with_its_stdin() -> None:
    mock = Mock()
    assert mock.process.stdin is not None
    mock.process.stdin.close()
    assert mock.process.wait(PATIENCE) == 0
    assert run("--exit-on-stdin-eof").returncode == 0


def test_without_that_option_stdin_is_ignored(start_mock: Callable[..., Mock]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mock_api"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    port = int(json.loads(process.stdout.readline())["http"].split(":")[2].split("/")[0])
    client = H1Client(socket.create_connection(("127.0.0.1", port)))
    assert client.exchange("GET", "/health").status == 200
    process.terminate()
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert f"listening on http://127.0.0.1:{port}/v1" in said


def test_quiet(mock: Mock) -> None:
    assert run("--quiet", "--exit-on-stdin-eof").stderr == ""


def test_the_socket_file(tmp_path: Path, start_mock: Callable[..., Mock]) -> None:
    path = tmp_path / "mock.sock"
    killed = start_mock("--socket", path)
    killed.process.kill()
    killed.reap()
    assert path.exists()
    assert start_mock("--socket", path).connect_unix()
    refused = run("--socket", str(path))
    assert refused.returncode == 1
    assert "another process listens there" in refused.stderr
    plain = tmp_path / "file"
    plain.write_text("mine")
    assert run("--socket", str(plain)).returncode == 1
    assert plain.read_text() == "mine"


def test_the_users_certificate(tmp_path: Path, start_mock: Callable[..., Mock]) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    chain, key, ca = tmp_path / "chain.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    for part in issued.cert_chain_pems:
        part.write_to_path(str(chain), append=True)
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(ca))
    mock = start_mock("--tls-cert", chain, "--tls-key", key)
    assert mock.ready["ca_file"] is None
    mock.ready["ca_file"] = str(ca)
    assert H1Client(mock.connect_tls("http/1.1")).chat(chat()).status == 200


WRONG = [
    (["--chunks", "-1"], "from 0 to 100000"),
    (["--chunks", "many"], "from 0 to 100000"),
    (["--delay", "-5"], "milliseconds"),
    (["--delay", "soon"], "milliseconds"),
    (["--workers", "0"], "from 1"),
    (["--journal-size", "x"], "from 1"),
    (["--tls-cert", "x.pem"], "go together"),
    (["--tls-cert", "x", "--tls-key", "y", "--ca-file", "z"], "self-made"),
    (["--port", "http"], "a port from 0 to 65535"),
    (["--nonsense"], "unrecognized"),
]


@pytest.mark.parametrize(("options", "said"), WRONG, ids=[" ".join(w[0]) for w in WRONG])
def test_wrong_options(options: list[str], said: str) -> None:
    refused = run(*options)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert refused.stdout == ""


def test_a_certificate_that_is_not_there() -> None:
    refused = run("--tls-cert", "/nonexistent/c.pem", "--tls-key", "/nonexistent/k.pem")
    assert refused.returncode == 1
    assert "mock_api:" in refused.stderr


def test_ipv6(start_mock: Callable[..., Mock]) -> None:
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    assert start_mock("--host", "::1").ready["http"].startswith("http://[::1]:")


# Workers.


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in text.split()]


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def _until_gone(pids: list[int]) -> None:
    end = time.monotonic() + PATIENCE
    while not all(map(_gone, pids)):
        assert time.monotonic() < end, "a worker lives on"
        os.sched_yield()


def test_workers_share_the_load_and_refuse_control(
    tmp_path: Path, start_mock: Callable[..., Mock]
) -> None:
    mock = start_mock(
        "--workers", "3", "--tls", "--ca-file", tmp_path / "ca", "--socket", tmp_path / "s"
    )
    assert len(_children(mock.process.pid)) == 3
    clients = [H1Client(mock.connect()) for _ in range(60)]
    assert {client.chat(chat()).status for client in clients} == {200}
    served = [client.exchange("GET", "/stats").json()["requests"] for client in clients]
    assert all(0 < each < 60 for each in served), "one worker did everything"
    assert H1Client(mock.connect_tls("http/1.1")).chat(chat()).status == 200
    assert H1Client(mock.connect_unix()).chat(chat()).status == 200
    for method, path in (("GET", "/journal"), ("PUT", "/keys/x"), ("POST", "/gates/x")):
        response = mock.control(method, path)
        assert response.status == 409
        assert "3 workers" in response.json()["error"]["message"]


def test_workers_end_with_the_supervisor() -> None:
    mock = Mock("--workers", "2")
    workers = _children(mock.process.pid)
    assert mock.stop() == 0
    _until_gone(workers)


def test_workers_end_when_the_supervisor_is_killed() -> None:
    mock = Mock("--workers", "2")
    workers = _children(mock.process.pid)
    mock.stop(signal.SIGKILL)
    _until_gone(workers)


def test_all_end_when_one_worker_dies() -> None:
    mock = Mock("--workers", "2")
    workers = _children(mock.process.pid)
    os.kill(workers[0], signal.SIGKILL)
    assert mock.process.wait(PATIENCE) == 1
    mock.reap()
    _until_gone(workers)
