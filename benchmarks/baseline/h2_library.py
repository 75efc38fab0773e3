"""What the mock is measured against on HTTP/2: the `h2` library, served the plain way.

One asyncio protocol on uvloop, one H2Connection, the same twenty DATA frames, one
write for everything that a read brought about. Prints its port.
"""

from __future__ import annotations

import asyncio
import socket
from typing import cast

import uvloop
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from mock_api.language.answer import Options
from mock_api.language.encoders.chat import events
from mock_api.language.encoders.encoder import Asked
from mock_api.language.patterns import answer

PARTS = events(answer("", Options()), Asked())
HEADERS = (
    (":status", "200"),
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache"),
    ("x-test-pattern-applied", "default"),
)


class Server(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.h2.initiate_connection()
        self.transport.write(self.h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            match event:
                case DataReceived():
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case StreamEnded():
                    self.answer(event.stream_id)
                case RequestReceived():
                    pass
        self.transport.write(self.h2.data_to_send())

    def answer(self, stream: int) -> None:
        self.h2.send_headers(stream, HEADERS)
        for part in PARTS[:-1]:
            self.h2.send_data(stream, part)
        self.h2.send_data(stream, PARTS[-1], end_stream=True)


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
