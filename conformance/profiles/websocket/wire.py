"""The bytes below a WebSocket: frames, right or wrong, and the transport that carries them."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from websockets.frames import Opcode
from websockets.utils import apply_mask


def serialized(opcode: Opcode, data: bytes, *, fin: bool, rsv1: bool, mask: bool) -> bytes:
    """A frame's bytes (RFC 6455 5.2); the library's own method refuses wrong frames."""
    head, masked, length = fin << 7 | rsv1 << 6 | opcode, mask << 7, len(data)
    if length < 126:
        made = struct.pack("!BB", head, masked | length)
    elif length < 1 << 16:
        made = struct.pack("!BBH", head, masked | 126, length)
    else:
        made = struct.pack("!BBQ", head, masked | 127, length)
    if not mask:
        return made + data
    key = secrets.token_bytes(4)
    return made + key + apply_mask(data, key)


class Wire(asyncio.Protocol):
    """The transport of a connection: it passes bytes on, and b"" for the daemon's EOF."""

    def __init__(self, arrived: Callable[[bytes], None]) -> None:
        self.ended = False
        """Whether the connection is over."""
        self._arrived = arrived
        self._activity = asyncio.Event()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass bytes on."""
        self._arrived(data)
        self._activity.set()

    def eof_received(self) -> None:
        """Pass the daemon's EOF on."""
        self._arrived(b"")
        self._activity.set()

    def connection_lost(self, error: Exception | None) -> None:
        """Note the end; a failed write hides bytes that arrived before it, so read these."""
        if error is not None and self._transport is not None:
            self._drain(self._transport)
        self.ended = True
        self._activity.set()

    def _drain(self, transport: asyncio.Transport) -> None:
        if transport.get_extra_info("ssl_object") is None:
            descriptor = transport.get_extra_info("socket").fileno()
            with suppress(OSError):
                while data := os.read(descriptor, 1 << 16):
                    self._arrived(data)

    async def until(self, satisfied: Callable[[], bool]) -> None:
        """Wait until the condition holds, or the connection ends."""
        while not satisfied() and not self.ended:
            self._activity.clear()
            await self._activity.wait()

    def write(self, data: bytes) -> None:
        """Send bytes, if the connection is open."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def pause(self) -> None:
        """Stop reading."""
        if self._transport is not None and not self.ended:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and not self.ended:
            self._transport.resume_reading()

    def close(self) -> None:
        """End the connection with a FIN."""
        if self._transport is not None and not self.ended:
            self._transport.close()

    def reset(self) -> None:
        """End the connection with a RST."""
        if self._transport is None or self.ended:
            return
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
