"""HTTP clients for tests: every byte is the test's, and the end of each message is known."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings
from scripted_api import PATIENCE

CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "hi"}],
    "stream": True,
}


def post(
    body: Any = None, *fields: str, path: str = "/v1/chat/completions", version: str = "1.1"
) -> bytes:
    """An HTTP/1.1 request; body: bytes, or a value for JSON, or None for a short chat."""
    data = body if isinstance(body, bytes) else json.dumps(CHAT if body is None else body).encode()
    lines = [f"POST {path} HTTP/{version}", "Host: gateway", f"Content-Length: {len(data)}"]
    return "\r\n".join((*lines, *fields, "", "")).encode() + data


def get(path: str, *fields: str, method: str = "GET") -> bytes:
    """An HTTP/1.1 request without a body."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: gateway", *fields, "", "")).encode()


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: dict[str, str]
    body: bytes
    end: str
    """How the message ended: `chunked`, `length`, `close`, or `cut` if it is not complete."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[bytes]:
        """The data of the events."""
        assert self.body == b"" or self.body.endswith(b"\n\n"), self.body
        return [part.removeprefix(b"data: ") for part in self.body.split(b"\n\n")[:-1]]

    @property
    def text(self) -> str:
        """The text of a stream, which ended as it must."""
        assert self.status == 200, self.body
        *chunks, last = self.events
        assert last == b"[DONE]"
        deltas = [json.loads(chunk)["choices"][0]["delta"] for chunk in chunks]
        return "".join(delta.get("content", "") for delta in deltas)

    @property
    def error(self) -> Any:
        """The error object that the response is, or ends with."""
        data = self.events[-1] if "event-stream" in self.headers["content-type"] else self.body
        return json.loads(data)["error"]


class Http1Client:
    """An HTTP/1.1 connection."""

    def __init__(self, port: int, *, ca_file: Path | None = None) -> None:
        self.sock: socket.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if ca_file is not None:
            context = ssl.create_default_context(cafile=ca_file)
            self.sock = context.wrap_socket(self.sock, server_hostname="127.0.0.1")
        self._buffer = bytearray()

    def __enter__(self) -> Http1Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def ask(self, request: bytes) -> Answer:
        self.send(request)
        return self.read()

    def read(self, method: str = "POST") -> Answer:
        """The next response."""
        head = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = {}
        for line in head[1:-2]:
            name, _, value = line.partition(": ")
            assert name.lower() not in headers, line
            headers[name.lower()] = value
        body, end = self._body(headers) if method != "HEAD" else (b"", "length")
        return Answer(int(head[0].split()[1]), headers, body, end)

    def _body(self, headers: dict[str, str]) -> tuple[bytes, str]:
        body = b""
        try:
            if "transfer-encoding" in headers:
                assert "content-length" not in headers
                while size := int(self.until(b"\r\n"), 16):
                    body += self.exactly(size)
                    assert self.exactly(2) == b"\r\n"
                assert self.exactly(2) == b"\r\n"
                return body, "chunked"
            if "content-length" in headers:
                return self.exactly(int(headers["content-length"])), "length"
        except EOFError:
            return body, "cut"
        with contextlib.suppress(EOFError):
            while True:
                body += self.exactly(1)
        return body, "close"

    def until(self, end: bytes) -> bytes:
        """Everything up to these bytes, with them."""
        start = 0
        while (at := self._buffer.find(end, start)) < 0:
            start = max(0, len(self._buffer) - len(end))
            self._more()
        return self.exactly(at + len(end))

    def exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._more()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def at_eof(self) -> bool:
        """Whether the gateway closes the connection without a further byte."""
        return not self._buffer and not self.sock.recv(1)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError(bytes(self._buffer[:100]))
        self._buffer += data


class Http2Client:
    """An HTTP/2 connection; its windows open only when the test says so."""

    def __init__(self, port: int, *, ca_file: Path | None = None, window: int = 2**20) -> None:
        self.sock: socket.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if ca_file is not None:
            context = ssl.create_default_context(cafile=ca_file)
            context.set_alpn_protocols(["h2"])
            tls = context.wrap_socket(self.sock, server_hostname="127.0.0.1")
            assert tls.selected_alpn_protocol() == "h2"
            self.sock = tls
        self.h2 = H2Connection(
            H2Configuration(
                header_encoding="utf-8",
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.h2.local_settings = Settings(
            initial_values={SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.ENABLE_PUSH: 0}
        )
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(2**24)
        self.heads: dict[int, dict[str, str]] = {}
        self.bodies: dict[int, bytearray] = {}
        self.ends: dict[int, str | int] = {}
        """`END_STREAM`, or the error code of RST_STREAM."""
        self.goaway: events.ConnectionTerminated | None = None
        self.flush()

    def __enter__(self) -> Http2Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def flush(self) -> None:
        self.sock.sendall(self.h2.data_to_send())

    def send(
        self,
        body: Any = None,
        *fields: tuple[str, str],
        method: str = "POST",
        path: str = "/v1/chat/completions",
        head: Sequence[tuple[str, str]] | None = None,
        end: bool = True,
    ) -> int:
        """Send a request; return its stream."""
        stream = self.h2.get_next_available_stream_id()
        data = body if isinstance(body, bytes) else json.dumps(body or CHAT).encode()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", "g"), (":path", path)]
        data = data if method == "POST" else b""
        self.h2.send_headers(
            stream, [*pseudo, *fields] if head is None else head, end_stream=end and not data
        )
        while data:
            size = min(self.h2.local_flow_control_window(stream), 16384, len(data))
            if not size:
                self.flush()
                self.step()
                continue
            self.h2.send_data(stream, data[:size], end_stream=end and size == len(data))
            data = data[size:]
        self.flush()
        return stream

    def step(self) -> bool:
        """Take the next bytes; return whether there were any."""
        data = self.sock.recv(65536)
        for event in self.h2.receive_data(data) if data else ():
            stream: int = getattr(event, "stream_id", None) or 0
            if isinstance(event, events.ResponseReceived):
                self.heads[stream] = {str(name): str(value) for name, value in event.headers or ()}
            elif isinstance(event, events.DataReceived):
                self.bodies.setdefault(stream, bytearray()).extend(event.data)
            elif isinstance(event, events.StreamEnded):
                self.ends.setdefault(stream, "END_STREAM")
            elif isinstance(event, events.StreamReset):
                self.ends.setdefault(stream, int(event.error_code))
            elif isinstance(event, events.ConnectionTerminated):
                self.goaway = event
        with contextlib.suppress(OSError):
            self.flush()
        return bool(data)

    def read(self, stream: int) -> Answer:
        """The whole response on a stream."""
        while stream not in self.ends:
            assert self.step(), "the connection ended before the stream"
        end = self.ends[stream]
        head = self.heads.get(stream, {":status": "0"})
        body = bytes(self.bodies.get(stream, b""))
        return Answer(
            int(head[":status"]), head, body, end if isinstance(end, str) else f"RST {end}"
        )

    def until(self, stream: int, text: bytes) -> None:
        """Read until the stream has this text."""
        while text not in self.bodies.get(stream, b""):
            assert self.step(), "the connection ended before the text"

    def reset(self, stream: int) -> None:
        self.h2.reset_stream(stream, 8)
        self.flush()
