"""An HTTP/1.1 API for tests: a script of the test sends every byte of its answers."""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

KEY = "sk-secret-canary"
"""The key that a test gives to the server under test."""
PATIENCE = 15.0
"""Seconds until a test fails; a test that passes does not wait for them."""

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
    """An HTTP/1.1 API; `script` sends its answers."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self.reset()
        threading.Thread(target=self._accept, daemon=True).start()

    def reset(self) -> None:
        """Forget the requests, and send a short answer from now on."""
        self.requests: list[bytes] = []
        self.connections = 0
        self.script: Script = lambda conn, _: conn.sendall(sized(chunk("hi") + DONE))
        self.greet: Callable[[socket.socket], None] = lambda conn: None
        """Called before the first read; may end the connection."""

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
            pass  # the server under test left, or the script closed it
        finally:
            conn.close()

    def body(self, index: int = -1) -> Any:
        """The JSON of a request."""
        return json.loads(self.requests[index].partition(b"\r\n\r\n")[2])


def sends(*pieces: bytes, close: bool = True, reset: bool = False) -> Callable[..., None]:
    """A script: these pieces, then the end of the connection."""

    def script(conn: socket.socket, _: bytes) -> None:
        for piece in pieces:
            conn.sendall(piece)
        if reset:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if close or reset:
            conn.close()

    return script


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def framed(*pieces: bytes) -> bytes:
    """A response in chunks, without the last chunk."""
    return CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


END = b"0\r\n\r\n"


def read_request(conn: socket.socket) -> bytes:
    """One request with its body, or nothing at EOF."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := conn.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    length = lengths[0] if lengths else 0
    while len(body) < length:
        body += conn.recv(65536)
    return head + b"\r\n\r\n" + body


def read_all(client: socket.socket) -> bytes:
    """Everything until EOF."""
    data = bytearray()
    while more := client.recv(65536):
        data += more
    return bytes(data)


def read_until(client: socket.socket, end: bytes) -> bytes:
    """Everything until these bytes have arrived."""
    data = b""
    while end not in data:
        more = client.recv(65536)
        assert more, f"ended without {end!r}: {data!r}"
        data += more
    return data


def until(holds: Callable[[], Any]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"did not become true: {holds}"
        select.select([], [], [], 0.01)
