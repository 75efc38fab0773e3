"""A WebSocket of uvicorn's that lets a client read why it was closed.

When a client breaks the protocol, uvicorn sends the close frame and closes the
connection at once. If the rest of an oversized message is still arriving, the
kernel answers it with a reset, and the client loses the close frame with its
code. So the connection is half-closed, and what comes is dropped, until the client
goes too or a moment has passed.
"""

from __future__ import annotations

import logging

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER_SECONDS = 2.0


def told_in_a_line(record: logging.LogRecord) -> bool:
    """A filter: text that is no UTF-8 is the client's mistake, and needs no traceback of ours."""
    if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
        record.exc_info = None
    return True


class LingeringWebSocket(WebSocketsSansIOProtocol):
    """Closes late after an error of the client's; in all else uvicorn's own."""

    def handle_parser_exception(self) -> None:
        """Say why, tell the application, and wait for the client to go."""
        if self.close_sent:
            return  # the rest of what broke it
        close = self.conn.close_sent
        assert close is not None
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": close.code, "reason": close.reason}
        )
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():  # not with TLS
            self.transport.write_eof()
        self.close_sent = True
        self.stop_keepalive()
        self.close_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)
