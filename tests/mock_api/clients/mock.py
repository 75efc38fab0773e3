"""The mock as a process, started as a user starts it, and its control API."""

from __future__ import annotations

import base64
import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from mock_api.language.answer import Options
from mock_api.language.encoders.chat import events as chat_events
from mock_api.language.encoders.encoder import Asked
from mock_api.language.patterns import answer
from tests.mock_api.clients.http1 import H1Client, Response

PATIENCE = 60
"""Seconds until a test gives up; a loaded machine needs some of them."""


class Mock:
    """One running mock."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mock_api", "--quiet", "--exit-on-stdin-eof", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the mock ended before it was ready"
        self.ready: dict[str, Any] = json.loads(line)

    @property
    def port(self) -> int:
        """The plain listener's."""
        port = urlsplit(self.ready["http"]).port
        assert port is not None
        return port

    def connect(self, *, receive_buffer: int | None = None) -> socket.socket:
        """A TCP connection to the plain listener."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(PATIENCE)
        sock.connect(("127.0.0.1", self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def connect_tls(self, *protocols: str) -> ssl.SSLSocket:
        """A TLS connection that offers these protocols by ALPN and verifies the mock."""
        context = ssl.create_default_context(cafile=self.ready["ca_file"])
        if protocols:
            context.set_alpn_protocols(protocols)
        address = ("127.0.0.1", urlsplit(self.ready["https"]).port)
        plain = socket.create_connection(address, timeout=PATIENCE)
        return context.wrap_socket(plain, server_hostname="localhost")

    def connect_unix(self) -> socket.socket:
        """A connection to the Unix socket."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(PATIENCE)
        sock.connect(self.ready["socket"])
        return sock

    def control(self, method: str, path: str, body: Any = None) -> Response:
        """One control request."""
        given = b"" if body is None else json.dumps(body).encode()
        client = H1Client(self.connect())
        try:
            return client.exchange(method, f"/_control{path}", given)
        finally:
            client.close()

    def entries(self, **query: Any) -> list[dict[str, Any]]:
        """Journal entries, their bodies decoded."""
        return _decoded(self.control("GET", f"/journal?{urlencode(query)}"))

    def mark(self) -> int:
        """The number of a new entry: the entries of later requests have higher numbers."""
        client = H1Client(self.connect())
        client.exchange("GET", "/v1/models", headers=pattern_header(";t=mark"))
        client.close()
        return int(self.entries(token="mark")[-1]["id"])

    def wait(self, token: str, **query: Any) -> dict[str, Any]:
        """The one entry with this token, once the journal has the awaited state."""
        query = {"token": token, "timeout": PATIENCE, **query}
        response = self.control("GET", f"/journal/wait?{urlencode(query)}")
        assert response.status == 200, response.body
        assert response.json()["satisfied"], response.body.decode()
        (entry,) = _decoded(response)
        return entry

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Stop it; the exit status."""
        self.process.send_signal(signum)
        return self.reap()

    def reap(self) -> int:
        """The exit status, which must come soon."""
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        return self.process.wait(PATIENCE)


def _decoded(response: Response) -> list[dict[str, Any]]:
    assert response.status == 200, response.body
    entries: list[dict[str, Any]] = response.json()["entries"]
    for entry in entries:
        entry["body"] = base64.b64decode(entry["body"])
    return entries


def chat(
    *,
    prompt: str = "Hello",
    stream: bool = True,
    model: str = "mock",
    **more: Any,
) -> bytes:
    """A chat request's body."""
    messages = [{"role": "user", "content": prompt}]
    return json.dumps({"model": model, "messages": messages, "stream": stream, **more}).encode()


def sent_events(pattern: str) -> tuple[bytes, ...]:
    """The events of a pattern without modifiers."""
    return chat_events(answer(pattern, Options()), Asked())


def pattern_header(pattern: str) -> list[tuple[str, str]]:
    return [("x-test-pattern", pattern)]


def events(body: bytes) -> list[str]:
    """The data of a body that is nothing but one-line events."""
    assert body.endswith(b"\n\n") or not body
    lines = body.decode().split("\n\n")[:-1]
    assert all(line.startswith("data: ") and "\n" not in line for line in lines)
    return [line.removeprefix("data: ") for line in lines]


def contents(data: Iterable[str]) -> list[str]:
    """The text of each chunk that has some."""
    chunks = (json.loads(each) for each in data if each != "[DONE]")
    deltas = (chunk["choices"][0]["delta"] for chunk in chunks)
    return [delta["content"] for delta in deltas if "content" in delta]


def finish_reasons(data: Iterable[str]) -> list[str]:
    """Every finish_reason that is one."""
    chunks = (json.loads(each) for each in data if each != "[DONE]")
    reasons = (chunk["choices"][0]["finish_reason"] for chunk in chunks)
    return [reason for reason in reasons if reason is not None]


def token_of(name: str) -> str:
    """A correlation token from a test's name."""
    return quote(name, safe="").replace("%", "_").replace(".", "_")[:64]
