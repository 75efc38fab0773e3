"""Real servers for declarative tests. Each runs in its own threads."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
from websockets.sync.server import ServerConnection
from websockets.sync.server import serve as serve_websocket

from conformance.ws import WSTest

Handler = Callable[[ServerConnection], None]
Serve = Callable[..., str]


@contextmanager
def serving(handler: Handler, **options: Any) -> Iterator[str]:
    """Serve a handler on loopback; yield the URL."""
    with serve_websocket(handler, "127.0.0.1", 0, **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        try:
            yield f"{'wss' if options.get('ssl') else 'ws'}://localhost:{port}"
        finally:
            server.shutdown()
            thread.join()


def sends(*frames: str | bytes | Any) -> Handler:
    """Make a handler that sends these frames, objects as JSON, and then waits for the close."""

    def handler(socket: ServerConnection) -> None:
        for frame in frames:
            socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))
        stay(socket)

    return handler


def stay(socket: ServerConnection) -> None:
    """Receive and ignore messages until the client closes."""
    for _ in socket:
        pass


def echoes(socket: ServerConnection) -> None:
    """Send every message back, text as text and binary as binary."""
    for frame in socket:
        socket.send(frame)


def play(test: WSTest) -> WSTest:
    """Run a test that passes; return it, complete."""
    asyncio.run(test.run())
    assert test.is_complete()
    return test


class _Received(list[str | bytes]):
    def __init__(self, test: WSTest, frames: int) -> None:
        super().__init__()
        self._test, self._frames = test, frames

    def append(self, frame: str | bytes) -> None:
        super().append(frame)
        if len(self) >= self._frames:
            self._test.response_timeout = 0.05


def impatient(test: WSTest, *, after: int = 1) -> WSTest:
    """Shorten the response timeout of a test once this many messages have arrived.

    A short timeout from the start would expire on a busy machine before they arrive.
    """
    test.received_json = _Received(test, after)
    return test


E = TypeVar("E", bound=BaseException)


def failing(test: Any, error: type[E]) -> E:
    """Run a test that fails; return its error."""
    with pytest.raises(error) as caught:
        asyncio.run(test.run())
    return caught.value


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and the TLS contexts that it makes."""

    ca: trustme.CA
    folder: Path

    @property
    def ca_file(self) -> Path:
        """The file of the authority's certificate."""
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(path)
        return path

    def server(self, host: str = "localhost") -> ssl.SSLContext:
        """Make a server's context with a certificate for this host."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.ca.issue_cert(host).configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        """Make a client's context that trusts only this authority."""
        return ssl.create_default_context(cafile=self.ca_file)


@dataclass
class Api:
    """A REST API on loopback: it records requests, and answers while its gate is open."""

    url: str
    requests: list[dict[str, Any]]
    gate: threading.Event
    asked: threading.Event
    answer: tuple[int, bytes]
    moved: dict[str, str]
    """Paths that the API redirects, and their targets."""


@contextmanager
def serving_api(context: ssl.SSLContext | None = None) -> Iterator[Api]:
    """Serve a REST API; yield its state."""
    api = Api("", [], threading.Event(), threading.Event(), (200, b'{"id": 7, "ok": true}'), {})
    api.gate.set()

    class Requests(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            api.requests.append(
                {
                    "method": self.command,
                    "path": self.path,
                    "headers": dict(self.headers),
                    "body": json.loads(body) if body else None,
                }
            )
            api.asked.set()
            api.gate.wait()
            status, content = (307, b"") if self.path in api.moved else api.answer
            self.send_response(status)
            if self.path in api.moved:
                self.send_header("Location", api.moved[self.path])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - the names that http.server calls

        def log_message(self, *arguments: object) -> None:
            """Log nothing: the output of a test stays readable."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    api.url = f"{'https' if context else 'http'}://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        api.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
