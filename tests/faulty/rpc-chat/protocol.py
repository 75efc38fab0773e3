"""The WebSocket protocol with faults."""

from __future__ import annotations

import asyncio
import signal
import struct
from typing import Any

import rpc_chat.server
from switch import fault
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol


def spoil() -> None:
    """Patch the library."""
    send_frame, fail = Protocol.send_frame, Protocol.fail

    def spoilt_send_frame(self: Protocol, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG and fault("pongs_missing"):
            return
        if frame.opcode is Opcode.PONG and fault("pongs_empty"):
            frame.data = b""
        if frame.opcode is Opcode.CLOSE and self.close_rcvd is not None:
            if fault("close_unanswered"):
                return
            if fault("close_reserved") and not frame.data:
                frame.data = struct.pack("!H", 1005)
        if frame.opcode is Opcode.TEXT and fault("binary_frames"):
            frame.opcode = Opcode.BINARY
        send_frame(self, frame)

    def spoilt_fail(self: Protocol, code: int, reason: str = "") -> None:
        if code == 1002 and fault("broken_frames_internal"):
            code = 1011
        if code == 1009 and fault("too_big_is_policy"):
            code = 1008
        fail(self, code, reason)

    patched: Any = Protocol
    patched.send_frame, patched.fail = spoilt_send_frame, spoilt_fail
    server: Any = rpc_chat.server
    if fault("message_unbounded"):
        server.MESSAGE_BYTES = None
    if fault("killed_by_sigterm"):
        _no_handlers()


def _no_handlers() -> None:
    def ignore(self: object, signum: int, *rest: object) -> None:
        signal.signal(signum, signal.SIG_DFL)

    loop: Any = asyncio.SelectorEventLoop
    loop.add_signal_handler = ignore
