"""An HTTP/2 API for tests: a script of the test sends every frame of its answers."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import trustme
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from scripted_api import DONE, chunk

HEADERS = [(":status", "200"), ("content-type", "text/event-stream")]


class Connection:
    """The API's side of a connection."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self.sock = sock
        self.h2 = H2Connection(H2Configuration(client_side=False, validate_outbound_headers=False))
        self.resets: dict[int, int] = {}
        self.bodies: dict[int, bytes] = {}
        self.closed = False
        self.lock = threading.RLock()

    def flush(self) -> None:
        """Send what h2 has to send."""
        with self.lock, contextlib.suppress(OSError):
            self.sock.sendall(self.h2.data_to_send())

    def head(self, stream: int, *extra: tuple[str, str]) -> None:
        """Send the head of a good response."""
        with self.lock:
            self.h2.send_headers(stream, [*HEADERS, *extra])
            self.flush()

    def data(self, stream: int, data: bytes, *, end: bool = False, pad: int | None = None) -> None:
        """Send a piece of a body."""
        with self.lock:
            self.h2.send_data(stream, data, end_stream=end, pad_length=pad)
            self.flush()

    def answer(self, stream: int, content: str = "hi") -> None:
        """Send a whole answer."""
        self.head(stream)
        self.data(stream, chunk(content) + DONE, end=True)

    def reset(self, stream: int, code: ErrorCodes) -> None:
        """Reset a stream."""
        with self.lock:
            self.h2.reset_stream(stream, code)
            self.flush()

    def goaway(self, last: int) -> None:
        """Send GOAWAY. (By hand: h2 sends nothing after its own.)"""
        with self.lock:
            payload = last.to_bytes(4, "big") + bytes(4)
            self.sock.sendall(b"\0\0\x08\x07\0\0\0\0\0" + payload)

    def fill(self, stream: int) -> int:
        """Send as much as the windows admit; return the number of bytes."""
        total = 0
        with self.lock:
            event = chunk("x" * 1000)
            while self.h2.local_flow_control_window(stream) >= len(event):
                self.data(stream, event)
                total += len(event)
        return total


Script = Callable[[Connection, int], None]


class Http2Api:
    """An API that speaks HTTP/2 over TLS; `script` is called for each whole request."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.context)
        self.context.set_alpn_protocols(["h2"])
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.base = f"https://127.0.0.1:{self.listener.getsockname()[1]}/v1"
        self.connections: list[Connection] = []
        self.requests: list[tuple[Connection, int]] = []
        self.settings: dict[SettingCodes, int] = {}
        self.script: Script = lambda conn, stream: conn.answer(stream)
        self.plain: Callable[[ssl.SSLSocket], None] | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn: socket.socket) -> None:
        try:
            with self.context.wrap_socket(conn, server_side=True) as tls:
                if self.plain is not None:
                    self.plain(tls)
                    return
                connection = Connection(tls)
                connection.h2.local_settings.update(self.settings)
                connection.h2.initiate_connection()
                connection.h2.update_settings(self.settings)
                connection.flush()
                self.connections.append(connection)
                self._read(connection)
        except OSError:
            pass

    def _read(self, connection: Connection) -> None:
        try:
            while data := connection.sock.recv(65536):
                with connection.lock:
                    received = connection.h2.receive_data(data)
                    for event in received:
                        self._on_event(connection, event)
                    connection.flush()
        finally:
            connection.closed = True

    def _on_event(self, connection: Connection, event: events.Event) -> None:
        if isinstance(event, events.DataReceived):
            stream = event.stream_id
            connection.bodies[stream] = connection.bodies.get(stream, b"") + event.data
            connection.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, events.StreamReset):
            connection.resets[event.stream_id] = event.error_code
        elif isinstance(event, events.StreamEnded):
            self.requests.append((connection, event.stream_id))
            self.script(connection, event.stream_id)
