"""An HTTP/2 client on h2, with two oracles.

What the mock sends is read by h2's client side, which raises ProtocolError where it
is wrong. What this client sends is kept, and can be fed to h2's server side, which
must find in it what the mock's journal says was received.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from h2 import events as e
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

Headers = Iterable[tuple[str, str]]

OURS = {
    SettingCodes.MAX_CONCURRENT_STREAMS: 1000,
    SettingCodes.INITIAL_WINDOW_SIZE: 1024 * 1024,
    SettingCodes.MAX_HEADER_LIST_SIZE: 256 * 1024,
}
"""The settings the mock announces; the server-side oracle must have the same."""


@dataclass
class Reply:
    """The response on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)
    parts: list[bytes] = field(default_factory=list)
    """One per DATA frame."""
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.headers[":status"])

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


class H2Client:
    """One connection. It grants windows back at once, unless `hold` is set."""

    def __init__(
        self, sock: socket.socket, *, settings: dict[SettingCodes, int] | None = None
    ) -> None:
        self.sock = sock
        self.sent = b""
        self.hold = False
        self.replies: dict[int, Reply] = {}
        self.goaway: tuple[int, int, bytes] | None = None
        """Code, last stream, debug data."""
        self.closed = False
        self.pongs: list[bytes] = []
        self.settings_acked = 0
        self.informational: list[dict[str, str]] = []
        self.padded: set[int | None] = set()
        """The padding of DATA frames; None: not padded, 0: empty padding."""
        self.h2 = H2Connection(H2Configuration(client_side=True))
        if settings:
            self.h2.update_settings(settings)
            self.h2.clear_outbound_data_buffer()
            self.h2.local_settings = Settings(client=True, initial_values=settings)
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        """Send the bytes that h2 has prepared."""
        self.send_raw(self.h2.data_to_send())

    def send_raw(self, data: bytes) -> None:
        """Send bytes past h2."""
        self.sent += data
        self.sock.sendall(data)

    def request(
        self,
        body: bytes | None = b"",
        headers: Headers = (),
        *,
        method: str = "POST",
        path: str = "/v1/chat/completions",
        **options: Any,
    ) -> int:
        """Send a request; the stream's number. Without a body it ends with its head."""
        stream = self.open(headers, method=method, path=path, end_stream=body is None, **options)
        if body is not None:
            self._send_body(stream, body)
        self.flush()
        return stream

    def open(
        self,
        headers: Headers = (),
        *,
        method: str = "POST",
        path: str = "/v1/chat/completions",
        **options: Any,
    ) -> int:
        """Send a request's head; the stream's number."""
        stream = self.h2.get_next_available_stream_id()
        self.replies[stream] = Reply()
        pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "mock")]
        self.h2.send_headers(stream, [*pseudo, *headers], **options)
        return stream

    def _send_body(self, stream: int, body: bytes) -> None:
        at, reply = 0, self.replies[stream]
        while True:
            size = min(self.h2.local_flow_control_window(stream), 16384)
            last = at + size >= len(body)
            self.h2.send_data(stream, body[at : at + size], end_stream=last)
            self.flush()
            at += size
            if last:
                break
            if not self.h2.local_flow_control_window(stream):
                self.read_until(lambda: reply.over or self.h2.local_flow_control_window(stream) > 0)
            if reply.over:
                break

    def exchange(self, body: bytes | None = b"", headers: Headers = (), **options: Any) -> Reply:
        """Send a request and read until its stream is over."""
        return self.finish(self.request(body, headers, **options))

    def finish(self, stream: int) -> Reply:
        """Read until the stream is over."""
        reply = self.replies[stream]
        self.read_until(lambda: reply.over)
        return reply

    def fence(self) -> None:
        """Return when the mock has read everything that was sent before."""
        mark = b"%08d" % len(self.pongs)
        self.h2.ping(mark)
        self.flush()
        self.read_until(lambda: mark in self.pongs)

    def read_until(self, condition: Callable[[], bool]) -> None:
        """Read until it holds; the connection must not end before."""
        while not condition():
            assert self.read(), "the mock closed the connection"

    def read(self) -> bool:
        """One read; False at the end of the connection."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
            return False
        for event in self.h2.receive_data(data):
            self._note(event)
        if not self.closed:
            self.flush()
        return True

    def read_to_end(self) -> None:
        """Read until the mock closes the connection."""
        while self.read():
            pass

    def close(self) -> None:
        self.sock.close()

    def _note(self, event: Any) -> None:
        match event:
            case e.ResponseReceived():
                self.replies[event.stream_id].headers = _headers(event.headers)
            case e.InformationalResponseReceived():
                self.informational.append(_headers(event.headers))
            case e.TrailersReceived():
                self.replies[event.stream_id].trailers = _headers(event.headers)
            case e.DataReceived():
                size = event.flow_controlled_length - len(event.data)
                self.padded.add(size - 1 if size else None)
                self.replies[event.stream_id].parts.append(event.data)
                if not self.hold and event.flow_controlled_length:
                    size = event.flow_controlled_length
                    self.h2.acknowledge_received_data(size, event.stream_id)
            case e.StreamEnded():
                self.replies[event.stream_id].ended = True
            case e.StreamReset():
                self.replies[event.stream_id].reset = event.error_code
            case e.ConnectionTerminated():
                data = event.additional_data or b""
                self.goaway = (event.error_code, event.last_stream_id, data)
                self.closed = True
            case e.PingAckReceived():
                self.pongs.append(event.ping_data)
            case e.SettingsAcknowledged():
                self.settings_acked += 1


def _headers(pairs: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    headers = {_text(name): _text(value) for name, value in pairs}
    assert len(headers) == len(list(pairs))
    return headers


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else value


PREFACE_SIZE = 24
RST_STREAM = 3

Request = tuple[str, str, list[tuple[str, str]], bytes]
"""Method, path, other headers, body."""


@dataclass
class Verdict:
    """What h2's server side made of a client's bytes."""

    requests: list[Request]
    """In the order in which they were complete."""
    resets: set[int]
    """Streams it resets."""
    error: str | None
    """Why it would end the connection."""


def ask_oracle(sent: bytes) -> Verdict:
    """What h2 as a server makes of these bytes from a client."""
    server = H2Connection(H2Configuration(client_side=False))
    server.local_settings = Settings(client=False, initial_values=OURS)
    server.initiate_connection()
    server.increment_flow_control_window(16 * 1024 * 1024 - 65535)
    begun: dict[int, Request] = {}
    verdict = Verdict([], set(), None)
    try:
        for part in _frames(sent):
            for event in server.receive_data(part):
                _judge(event, server, begun, verdict)
    except ProtocolError as error:
        verdict.error = f"{type(error).__name__}: {error}"
    for kind, stream in _kinds(server.data_to_send()):
        if kind == RST_STREAM:
            verdict.resets.add(stream)
    return verdict


def _judge(event: Any, server: H2Connection, begun: dict[int, Request], verdict: Verdict) -> None:
    match event:
        case e.RequestReceived():
            headers = [(_text(name), _text(value)) for name, value in event.headers]
            pseudo = {name: value for name, value in headers if name.startswith(":")}
            rest = [pair for pair in headers if not pair[0].startswith(":")]
            begun[event.stream_id] = (pseudo[":method"], pseudo[":path"], rest, b"")
        case e.DataReceived():
            method, path, rest, body = begun[event.stream_id]
            begun[event.stream_id] = (method, path, rest, body + event.data)
            if event.flow_controlled_length:
                server.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        case e.StreamEnded():
            verdict.requests.append(begun.pop(event.stream_id))


def _frames(sent: bytes) -> Iterator[bytes]:
    """The preface, and each frame."""
    at, after = 0, PREFACE_SIZE
    while at < len(sent):
        yield sent[at:after]
        at, after = after, after + 9 + int.from_bytes(sent[after : after + 3], "big")


def _kinds(frames: bytes) -> Iterator[tuple[int, int]]:
    """Each frame's type and stream."""
    at = 0
    while at < len(frames):
        yield frames[at + 3], int.from_bytes(frames[at + 5 : at + 9], "big")
        at += 9 + int.from_bytes(frames[at : at + 3], "big")
