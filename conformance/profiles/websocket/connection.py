"""A WebSocket client for tests: it stamps every frame, and can send any bytes.

The protocol is the `websockets` package's, without its I/O: it checks the
daemon's frames as strictly as RFC 6455 asks, and answers pings and closes. The
I/O is the suite's own, so that a test can stop reading, leave without a close
frame, or write bytes that a client library refuses. Every wait ends: when its
condition holds, when the connection ends, or at the deadline.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from conformance.profiles.websocket.wire import Wire, serialized

ABNORMAL = 1006
"""The code for a connection that ended without a close frame (RFC 6455 7.1.5)."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame, or raw bytes, that the test sent."""

    at: float
    opcode: Opcode | None
    """None for raw bytes."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A whole frame from the daemon."""

    at: float
    opcode: Opcode
    data: bytes
    fin: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message from the daemon, its fragments put together."""

    at: float
    """When its last fragment arrived."""
    data: str | bytes
    """Text that is not UTF-8 stays bytes."""


class WebSocket:
    """One connection; an async context manager that opens and closes it."""

    def __init__(self, url: str, *, deadline: float, context: ssl.SSLContext | None = None) -> None:
        """Prepare a connection to ws:// or wss://. `deadline`: absolute, time.monotonic()."""
        self.url = url
        self.deadline = deadline
        self.frames: list[Sent | Received] = []
        """Everything, in both directions, in order."""
        self.messages: list[Message] = []
        """The daemon's messages, in order."""
        self.refused: str = ""
        """Why the handshake failed: a status, or the error of connect()."""
        self.violation: str = ""
        """The first rule of RFC 6455 that the daemon broke; empty if none."""
        self._uri = parse_uri(url)
        self._context = context
        self._protocol = ClientProtocol(self._uri, max_size=None)
        self._wire = Wire(self._arrived)
        self._parts: list[bytes] = []
        self._opcode = Opcode.TEXT

    # Opening and closing

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    async def open(self) -> bool:
        """Connect and shake hands; return whether that worked (else `refused` says why)."""
        loop = asyncio.get_running_loop()
        uri = self._uri
        context = (self._context or ssl.create_default_context()) if uri.secure else None
        try:
            async with asyncio.timeout(max(0.0, self.deadline - time.monotonic())):
                await loop.create_connection(lambda: self._wire, uri.host, uri.port, ssl=context)
                self._protocol.send_request(self._protocol.connect())
                self._flush()
                await self._wire.until(lambda: self._protocol.state is not State.CONNECTING)
        except (OSError, TimeoutError) as error:
            self.refused = str(error) or "no answer to the handshake in time"
            return False
        if self._protocol.handshake_exc is not None:
            self.refused = str(self._protocol.handshake_exc)
        elif self._protocol.state is State.CONNECTING:
            self.refused = "the connection ended during the handshake"
        return not self.refused

    def release(self) -> None:
        """End the connection at once, without a close frame (FIN); what was received stays."""
        self._wire.close()

    def reset(self) -> None:
        """End the connection with a RST."""
        self._wire.reset()

    # What a client does

    def text(self, text: str) -> None:
        """Send a text message."""
        self.frame(Opcode.TEXT, text.encode("utf-8", "surrogatepass"))

    def binary(self, data: bytes) -> None:
        """Send a binary message."""
        self.frame(Opcode.BINARY, data)

    def ping(self, data: bytes = b"") -> None:
        """Send a ping."""
        self.frame(Opcode.PING, data)

    def frame(
        self,
        opcode: Opcode,
        data: bytes,
        *,
        fin: bool = True,
        rsv1: bool = False,
        mask: bool = True,
    ) -> None:
        """Send one frame, allowed by RFC 6455 or not."""
        self.frames.append(Sent(time.monotonic(), opcode, data))
        self._wire.write(serialized(opcode, data, fin=fin, rsv1=rsv1, mask=mask))

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.frames.append(Sent(time.monotonic(), None, data))
        self._wire.write(data)

    def pause(self) -> None:
        """Stop reading, so that the kernel's buffers fill up."""
        self._wire.pause()

    def resume(self) -> None:
        """Read again."""
        self._wire.resume()

    async def close(self, code: int = 1000, reason: str = "") -> int:
        """Close by the closing handshake (RFC 6455 7.1.2); return the daemon's code."""
        if self._protocol.state is State.OPEN:
            data = struct.pack("!H", code) + reason.encode()
            self.frames.append(Sent(time.monotonic(), Opcode.CLOSE, data))
            self._protocol.send_close(code, reason)
            self._flush()
        return await self.closed()

    # What a test waits for

    async def until(self, satisfied: Callable[[], bool]) -> bool:
        """Wait for the condition, the end or the deadline; return whether the condition holds."""
        try:
            async with asyncio.timeout(max(0.0, self.deadline - time.monotonic())):
                await self._wire.until(satisfied)
        except TimeoutError:
            pass
        return satisfied()

    async def closed(self) -> int:
        """Wait for the connection's end, or the deadline; return the daemon's close code.

        ABNORMAL if the daemon sent no close frame.
        """
        self.resume()
        await self.until(lambda: self.ended)
        return self.close_code or ABNORMAL

    @property
    def received(self) -> list[Received]:
        """The daemon's frames."""
        return [each for each in self.frames if isinstance(each, Received)]

    @property
    def ended(self) -> bool:
        """Whether the connection is over."""
        return self._wire.ended

    @property
    def close_code(self) -> int | None:
        """The code of the daemon's close frame: 1005 if the frame has no code, None without one."""
        for frame in reversed(self.received):
            if frame.opcode is Opcode.CLOSE:
                return struct.unpack("!H", frame.data[:2])[0] if frame.data else 1005
        return None

    # What arrives

    def _arrived(self, data: bytes) -> None:
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        at = time.monotonic()
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._received(at, event)
            else:
                assert isinstance(event, Response)
        if self._protocol.parser_exc is not None and data:
            self.violation = self.violation or str(self._protocol.parser_exc)
        self._flush()

    def _received(self, at: float, frame: Frame) -> None:
        data = bytes(frame.data)
        self.frames.append(Received(at, frame.opcode, data, frame.fin))
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._opcode, self._parts = frame.opcode, [data]
        elif frame.opcode is Opcode.CONT:
            self._parts.append(data)
        else:
            return
        if frame.fin:
            self.messages.append(Message(at, self._whole(b"".join(self._parts))))

    def _whole(self, data: bytes) -> str | bytes:
        if self._opcode is Opcode.BINARY:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            self.violation = self.violation or f"a text message is not UTF-8: {error}"
            return data

    def _flush(self) -> None:
        """Send what the protocol has queued: the handshake, pongs, close frames."""
        for data in self._protocol.data_to_send():
            if data:
                self._wire.write(data)
