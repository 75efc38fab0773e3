"""What is served already: the first probe says in one entry what is wrong, and what to do."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

REPOSITORY = Path(__file__).parents[3]
GATEWAY = REPOSITORY / "daemons" / "gateway" / "llm-gateway"
SOUND = REPOSITORY / "tests" / "faulty" / "handoff" / "daemon.py"
CHAT = REPOSITORY / "tests" / "faulty" / "rpc-chat" / "daemon.py"

Conformance = Callable[..., "subprocess.CompletedProcess[str]"]
Answer = Callable[[BaseHTTPRequestHandler], tuple[int, str, bytes]]

HTML = b"<html><body>Welcome to nginx!</body></html>"
STREAM = b'data: {"choices":[{"index":0,"delta":{"content":"canned"}}]}\n\ndata: [DONE]\n\n'


def error(message: str) -> bytes:
    return json.dumps({"error": {"message": message}}).encode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def mock_port() -> int:
    """The port of a run's mock API."""
    return free_port()


@contextlib.contextmanager
def serving(answer: Answer, *, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server whose answers are computed from the request; its base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.reply()

        def do_GET(self) -> None:
            self.reply()

        def reply(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, kind, body = answer(self)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def always(status: int, kind: str, body: bytes) -> Answer:
    return lambda request: (status, kind, body)


def asking(port: int, *, headers: bool = False, prompt: str | None = "Hello") -> Answer:
    """Ask the mock API. headers: pass X-Test-Pattern on. prompt: sent in place of the client's."""

    def answer(request: Any) -> tuple[int, str, bytes]:
        body = request.body
        if prompt is not None:
            fields = {**json.loads(body), "messages": [{"role": "user", "content": prompt}]}
            body = json.dumps(fields).encode()
        names = ["Authorization", *(["X-Test-Pattern"] if headers else [])]
        kept = {name: request.headers[name] for name in names if name in request.headers}
        upstream = http.client.HTTPConnection("127.0.0.1", port)
        upstream.request("POST", "/v1/chat/completions", body, kept)
        reply = upstream.getresponse()
        kind, content = reply.headers["content-type"], reply.read()
        upstream.close()
        return reply.status, kind, content

    return answer


class Unwrapped(str):
    """A report whose lines may be broken anywhere: `in` ignores white space."""

    def __contains__(self, part: object) -> bool:
        return "".join(str(part).split()) in "".join(self.split())


def entry(
    conformance: Conformance, url: str, port: int, *more: str
) -> tuple[subprocess.CompletedProcess[str], Unwrapped]:
    """Judge five scenarios of what is served there; the run, and its report."""
    done = conformance("run", f"--url={url}", f"--mock-port={port}", "--category=basic", *more)
    assert "Traceback" not in done.stdout + done.stderr
    return done, Unwrapped(done.stdout)


UNWIRED = [
    (always(401, "application/json", error("Invalid key")), "refuses the key", "--api-key KEY"),
    (
        always(200, "text/html", HTML),
        "answers POST /v1/chat/completions with an HTML page",
        "correct --url",
    ),
    (
        always(404, "text/html", HTML),
        "answers POST /v1/chat/completions with an HTML page",
        "correct --url",
    ),
    (always(404, "application/json", error("Not Found")), "does not have the path", "--url"),
    (always(200, "text/event-stream", STREAM), "does not use the mock API", "/v1 as its API"),
    (always(502, "text/html", HTML), "does not reach the mock API", "/v1 as its API"),
]


@pytest.mark.parametrize(("answer", "problem", "fix"), UNWIRED, ids=range(len(UNWIRED)))
def test_what_is_wrong_is_one_entry(
    conformance: Conformance, mock_port: int, answer: Answer, problem: str, fix: str
) -> None:
    with serving(answer) as url:
        done, text = entry(conformance, url, mock_port)
    assert done.returncode == 1
    assert f"the gateway must use http://127.0.0.1:{mock_port}/v1 as its API" in done.stdout
    assert f"the gateway at {url} {problem}" in text
    assert fix in text
    assert done.stdout.count("── SET-UP ERROR") == 1
    assert "── FAIL" not in done.stdout
    assert "red: 5 not judged" in done.stdout


def test_an_unknown_model_is_told_with_those_that_are_known(
    conformance: Conformance, mock_port: int
) -> None:
    def answer(request: BaseHTTPRequestHandler) -> tuple[int, str, bytes]:
        if request.command == "GET":
            return 200, "application/json", b'{"data": [{"id": "fast"}, {"id": "slow"}]}'
        return 404, "application/json", error("The model `quick` does not exist")

    with serving(answer) as url:
        done, text = entry(conformance, url, mock_port, "--model=quick")
    assert done.returncode == 1
    assert "does not know the model 'quick'" in text
    assert "give one that it knows: --model NAME; it lists fast, slow" in text


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"headers": True}, "the pattern arrives in the header X-Test-Pattern: "),
        ({}, "the pattern arrives in the model's name: add --declare pattern=model"),
    ],
    ids=["header", "model"],
)
def test_a_pattern_that_does_not_arrive(
    conformance: Conformance, mock_port: int, options: dict[str, Any], fix: str
) -> None:
    with serving(asking(mock_port, **options)) as url:
        done, text = entry(conformance, url, mock_port)
    assert done.returncode == 1
    assert "asks the mock API, and the pattern does not arrive in the last user message" in text
    assert fix in text


def test_a_pattern_may_travel_in_the_header(conformance: Conformance, mock_port: int) -> None:
    with serving(asking(mock_port, headers=True)) as url:
        done, text = entry(
            conformance, url, mock_port, "--declare=pattern=header", "--scenario=basic_happy_path"
        )
    assert done.returncode == 0, text
    assert "the first probe found relay=bytes key=pass client=h1 upstream=h1" in text


def test_an_address_without_a_server(conformance: Conformance, mock_port: int) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    done, text = entry(conformance, url, mock_port)
    assert done.returncode == 1
    assert f"{url} cannot be connected to: Connection refused; start the daemon first" in text


def test_a_certificate_is_trusted_only_with_its_ca(
    conformance: Conformance, mock_port: int, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serving(asking(mock_port, prompt=None), context=context) as url:
        done, text = entry(conformance, url, mock_port)
        assert done.returncode == 1
        assert "has a certificate that is not trusted" in text
        assert "--ca-file CA.pem" in text
        ca_file = f"--ca-file={tmp_path / 'ca.pem'}"
        done, text = entry(conformance, url, mock_port, ca_file, "--scenario=basic_content")
        assert done.returncode == 0, text


BAD_OPTIONS = [
    (["--url=127.0.0.1:4000/v1"], "write http://127.0.0.1:4000/v1"),
    (["--url=http:///v1"], "expected a host"),
    (["--url=http://127.0.0.1:99999/v1"], "expected a port from 1 to 65535"),
    (["--url=http://me:secret@127.0.0.1:4000/v1"], "--api-key gives the key"),
    (["--url=htp://127.0.0.1:4000/v1"], "did you mean 'http'?"),
    (["--url=http://127.0.0.1:4000/v1", "--mock-port=many"], "expected a port from 1 to 65535"),
    (["--url=http://127.0.0.1:4000/v1", "--mock-port=0"], "expected a port from 1 to 65535"),
    (["--url=http://127.0.0.1:4000/v1", "--mock-port=65536"], "found '65536'"),
    (["--url=http://127.0.0.1:4000/v1"], "--mock-port is missing"),
    (["--socket=/nowhere"], "--mock-port and --api-key are missing"),
    (["--socket=/nowhere", "--api-key=sk-mine"], "--mock-port is missing"),
    (["--socket=/nowhere", "--mock-port=28080"], "--api-key is missing"),
    (["--url=http://127.0.0.1:4000/v1", "--mock-port=28080", "--declare=relay=byte"], "'bytes'?"),
    (["--url=http://127.0.0.1:4000/v1", "--mock-port=28080", "--declare=rely"], "'relay'?"),
    (["--url=http://127.0.0.1:4000/v1", "--ca-file=/ca.pem"], "--ca-file is for an https:// URL"),
    (["--url=https://127.0.0.1:4000/v1", "--ca-file=/ca.pem"], "/ca.pem is not a file"),
    (["--model=gpt"], "--model is for a daemon that is served already"),
]


@pytest.mark.parametrize(("options", "says"), BAD_OPTIONS)
def test_options_that_cannot_be_meant(
    conformance: Conformance, monkeypatch: pytest.MonkeyPatch, options: list[str], says: str
) -> None:
    for name in ("MOCK_API_PORT", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    done = conformance("run", *options)
    assert done.returncode == 2
    assert says in Unwrapped(done.stderr)
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken(conformance: Conformance) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = conformance("run", "--url=http://127.0.0.1:4000/v1", f"--mock-port={port}")
    assert done.returncode == 2
    assert f"port {port} of 127.0.0.1 is in use" in done.stderr


@contextlib.contextmanager
def started(*command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended at the end."""
    with subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def accepts(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the process accepts on this port."""
    while True:
        assert process.poll() is None, "it ended"
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return


def test_a_gateway_with_its_own_key(conformance: Conformance, mock_port: int) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{mock_port}/v1"
    with started(
        *(str(GATEWAY), "--listen", f"127.0.0.1:{port}"),
        OPENAI_API_BASE=base,
        OPENAI_API_KEY="sk-of-the-gateway",
    ) as gateway:
        accepts(gateway, port)
        url = f"http://127.0.0.1:{port}/v1"
        done, text = entry(conformance, url, mock_port, "--category=keys")
    assert done.returncode == 0, text
    assert "the first probe found relay=events key=own client=h1,h2 upstream=h1" in text
    assert "sk-of-the-gateway" not in text


DYING = """
import http.client, http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served = 0

    def do_POST(self):
        if Handler.served == 3:
            os._exit(1)
        Handler.served += 1
        body = self.rfile.read(int(self.headers["content-length"]))
        upstream = http.client.HTTPConnection("127.0.0.1", int(sys.argv[2]))
        headers = {"authorization": self.headers["authorization"]}
        upstream.request("POST", "/v1/chat/completions", body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
"""A gateway that ends with its fourth request; the first is the probe's."""


def test_a_gateway_that_dies_in_the_middle(conformance: Conformance, mock_port: int) -> None:
    port = free_port()
    with started("-c", DYING, str(port), str(mock_port)) as gateway:
        accepts(gateway, port)
        done, text = entry(
            conformance, f"http://127.0.0.1:{port}/v1", mock_port, "--category=abort"
        )
        assert gateway.poll() == 1
    assert done.returncode == 1
    assert "no longer accepts" in text
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", mock_port))  # the mock API has ended


@pytest.mark.parametrize(
    ("elsewhere", "key", "says"),
    [
        (True, "sk-mine", "does not use the mock API; configure http://127.0.0.1:"),
        (False, "sk-other", "sends its API another key; configure it with the key that --api-key"),
    ],
    ids=["another API", "another key"],
)
def test_a_socket_is_probed(
    conformance: Conformance,
    mock_port: int,
    tmp_path: Path,
    elsewhere: bool,
    key: str,
    says: str,
) -> None:
    path = tmp_path / "mine.sock"
    base = f"http://127.0.0.1:{free_port() if elsewhere else mock_port}/v1"
    with started(
        str(SOUND), "--socket", str(path), OPENAI_API_BASE=base, OPENAI_API_KEY=key
    ) as daemon:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            while client.connect_ex(str(path)):
                assert daemon.poll() is None
        done = conformance(
            *("run", f"--socket={path}", "--api-key=sk-mine", f"--mock-port={mock_port}"),
            "--category=basic",
        )
    assert done.returncode == 1, done.stdout
    assert says in Unwrapped(done.stdout)


def test_a_chat_backend_uses_the_mock_api(
    conformance: Conformance, mock_port: int, tmp_path: Path
) -> None:
    pytest.importorskip("openai")
    port = free_port()
    command = (str(CHAT), "--port", str(port), "--data", str(tmp_path))
    url = f"ws://127.0.0.1:{port}/ws/rpc"
    arguments = ("run", "--profile=rpc-chat", f"--url={url}", f"--mock-port={mock_port}")
    base = f"http://127.0.0.1:{mock_port}/v1"
    with started(*command, OPENAI_API_BASE=base, OPENAI_API_KEY="sk-chat") as backend:
        accepts(backend, port)
        done = conformance(*arguments, "--scenario=answer_whole")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 pass" in done.stdout
    elsewhere = f"http://127.0.0.1:{free_port()}/v1"
    with started(*command, OPENAI_API_BASE=elsewhere, OPENAI_API_KEY="sk-chat") as backend:
        accepts(backend, port)
        done = conformance(*arguments, "--category=answer")
    assert done.returncode == 1
    assert "does not use the mock API" in Unwrapped(done.stdout)
