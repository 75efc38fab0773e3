"""An HTTP/1.1 client on h11, which judges the mock's bytes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import h11

Headers = Iterable[tuple[str, str]]


@dataclass
class Response:
    """A complete response, as h11 read it."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    parts: list[bytes] = field(default_factory=list)
    """The body as received, in HTTP chunks if it was chunked."""

    def json(self) -> Any:
        return json.loads(self.body)


class H1Client:
    """One connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.h11 = h11.Connection(h11.CLIENT)

    def exchange(
        self, method: str, path: str, body: bytes = b"", headers: Headers = ()
    ) -> Response:
        """Send a request, read its response, and be ready for the next."""
        self.send(method, path, body, headers)
        response = self.receive()
        if self.h11.our_state is h11.DONE and self.h11.their_state is h11.DONE:
            self.h11.start_next_cycle()
        return response

    def chat(self, body: bytes, headers: Headers = ()) -> Response:
        return self.exchange("POST", "/v1/chat/completions", body, headers)

    def send(self, method: str, path: str, body: bytes = b"", headers: Headers = ()) -> None:
        framing = () if method == "GET" else (("content-length", str(len(body))),)
        request = h11.Request(
            method=method, target=path, headers=[("host", "mock"), *framing, *headers]
        )
        out = self.h11.send(request) + (self.h11.send(h11.Data(data=body)) if body else b"")
        self.sock.sendall(out + self.h11.send(h11.EndOfMessage()))

    def receive(self) -> Response:
        """The response; h11 raises RemoteProtocolError where it is cut short or malformed."""
        response = self.head()
        while part := self.part():
            response.parts.append(part)
        response.body = b"".join(response.parts)
        return response

    def head(self) -> Response:
        event = self._next()
        while isinstance(event, h11.InformationalResponse):
            event = self._next()
        assert isinstance(event, h11.Response), event
        headers = {name.decode(): value.decode() for name, value in event.headers}
        assert len(headers) == len(event.headers), "a header stands there twice"
        return Response(event.status_code, headers)

    def part(self) -> bytes:
        """More of the body, a whole chunk where it is chunked; b"" at its end."""
        data = b""
        while True:
            event = self._next()
            if isinstance(event, h11.EndOfMessage):
                return data
            assert isinstance(event, h11.Data), event
            data += event.data
            if event.chunk_end or not event.chunk_start:
                return data

    def close(self) -> None:
        self.sock.close()

    def _next(self) -> Any:
        while (event := self.h11.next_event()) is h11.NEED_DATA:
            self.h11.receive_data(self.sock.recv(65536))
        return event
