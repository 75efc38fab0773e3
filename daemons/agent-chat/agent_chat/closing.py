"""A WebSocket protocol for uvicorn that delivers the close frame after a client's error.

When a client breaks the protocol, uvicorn sends the close frame and closes the
connection at once. If the rest of an oversized message is still arriving, the kernel
answers it with a reset, and the client loses the close frame. This class half-closes
the connection instead. It discards what arrives until the client closes its side or
LINGER_SECONDS have passed.
"""

from __future__ import annotations

import logging

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER_SECONDS = 2.0


def without_traceback(record: logging.LogRecord) -> bool:
    """A log filter: invalid UTF-8 is the client's error, so its record needs one line only."""
    if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
        record.exc_info = None
    return True


class LingeringWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's protocol, except that it closes late after an error of the client."""

    def handle_parser_exception(self) -> None:
        """Send the close frame, inform the application, and wait for the client to close."""
        if self.close_sent:
            return  # the rest of the message that broke the protocol
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
