"""The WebSocket protocol with faults."""

from __future__ import annotations

from agent_chat.closing import LingeringWebSocket
from switch import fault
from websockets.frames import Frame


class FaultyWebSocket(LingeringWebSocket):
    """A WebSocket connection."""

    def handle_text(self, event: Frame) -> None:
        """Handle the first fragment of a text."""
        super().handle_text(_alone(event))

    def handle_cont(self, event: Frame) -> None:
        """Handle another fragment."""
        super().handle_cont(_alone(event))

    def handle_ping(self) -> None:
        """Handle a ping; the protocol has its pong ready."""
        if fault("pongs_empty"):
            self.conn.data_to_send()
            self.conn.send_pong(b"")
        super().handle_ping()

    def handle_close(self, event: Frame) -> None:
        """Handle a close."""
        if fault("close_unanswered"):
            self.conn.data_to_send()
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        """Handle a broken frame."""
        if fault("errors_close_unsaid"):
            self.transport.close()
        else:
            super().handle_parser_exception()


def _alone(event: Frame) -> Frame:
    if not fault("fragments_decoded_alone"):
        return event
    text = bytes(event.data).decode(errors="replace")
    return Frame(event.opcode, text.encode(), fin=event.fin)
