"""HTTP/2 framing (RFC 9113 4 and 6): bytes to frames and frames to bytes.

This module checks what concerns one frame alone: its layout, its size and its padding.
connection.py decides what a frame means.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum

from mock_api.language.steps import Setting

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

FRAME_SIZE = 16384
"""The largest payload that either side sends: the default, the least that a peer must take."""

DEFAULT_WINDOW = 65535
MOST_WINDOW = 2**31 - 1
STREAM_MASK = 2**31 - 1
MOST_STREAM = 2**31 - 1


class Type(IntEnum):
    """RFC 9113 6."""

    DATA = 0x0
    HEADERS = 0x1
    PRIORITY = 0x2
    RST_STREAM = 0x3
    SETTINGS = 0x4
    PUSH_PROMISE = 0x5
    PING = 0x6
    GOAWAY = 0x7
    WINDOW_UPDATE = 0x8
    CONTINUATION = 0x9


END_STREAM = 0x1
ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20


class Code(IntEnum):
    """RFC 9113 7."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class Http2ConnectionError(Exception):
    """The client broke the protocol: GOAWAY with this code, and the connection ends."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Http2StreamError(Exception):
    """The client broke the protocol on one stream: RST_STREAM with this code."""

    def __init__(self, stream: int, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.stream = stream
        self.code = code


Frame = tuple[int, int, int, bytes]
"""Type, flags, stream, payload."""

_HEADER = struct.Struct(">HBBBI")


class FrameReader:
    """Turns one connection's bytes into frames."""

    def __init__(self) -> None:
        self._rest = b""
        self.most = FRAME_SIZE
        """The longest payload the client may send."""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete with these bytes, one by one.

        Raises Http2ConnectionError for one that is too long, as soon as its header is there.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, end = 0, len(data)
        unpack = _HEADER.unpack_from
        while end - at >= 9:
            high, low, kind, flags, stream = unpack(data, at)
            size = high << 8 | low
            if size > self.most:
                raise Http2ConnectionError(
                    Code.FRAME_SIZE_ERROR, f"a frame has at most {self.most} bytes, found {size}"
                )
            after = at + 9 + size
            if after > end:
                break
            payload = data[at + 9 : after]
            at = after
            yield kind, flags, stream & STREAM_MASK, payload
        self._rest = data[at:]


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame."""
    return _HEADER.pack(len(payload) >> 8, len(payload) & 0xFF, kind, flags, stream) + payload


def rst_stream(stream: int, code: int) -> bytes:
    return frame(Type.RST_STREAM, 0, stream, struct.pack(">I", code))


def goaway(last_stream: int, code: int, debug: str) -> bytes:
    return frame(Type.GOAWAY, 0, 0, struct.pack(">II", last_stream, code) + debug.encode())


def window_update(stream: int, increment: int) -> bytes:
    return frame(Type.WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def settings(values: Iterable[tuple[int, int]]) -> bytes:
    pairs = (struct.pack(">HI", name, value) for name, value in values)
    return frame(Type.SETTINGS, 0, 0, b"".join(pairs))


SETTINGS_ACK = frame(Type.SETTINGS, ACK, 0, b"")


def read_settings(payload: bytes) -> Iterator[tuple[int, int]]:
    """The settings in a SETTINGS frame, checked (RFC 9113 6.5.2); unknown ones too."""
    if len(payload) % 6:
        raise Http2ConnectionError(Code.FRAME_SIZE_ERROR, "SETTINGS come in six bytes each")
    for name, value in struct.iter_unpack(">HI", payload):
        if name == Setting.ENABLE_PUSH and value > 1:
            raise Http2ConnectionError(Code.PROTOCOL_ERROR, f"ENABLE_PUSH is 0 or 1, found {value}")
        if name == Setting.INITIAL_WINDOW_SIZE and value > MOST_WINDOW:
            raise Http2ConnectionError(
                Code.FLOW_CONTROL_ERROR, f"INITIAL_WINDOW_SIZE is below 2**31, found {value}"
            )
        if name == Setting.MAX_FRAME_SIZE and not FRAME_SIZE <= value < 2**24:
            raise Http2ConnectionError(
                Code.PROTOCOL_ERROR, f"MAX_FRAME_SIZE is 16384 to 16777215, found {value}"
            )
        yield name, value


def number(kind: Type, payload: bytes) -> int:
    """The 32-bit payload of a WINDOW_UPDATE or a RST_STREAM."""
    if len(payload) != 4:
        raise Http2ConnectionError(
            Code.FRAME_SIZE_ERROR, f"{kind.name} has four bytes, found {len(payload)}"
        )
    return int.from_bytes(payload, "big")


def content(flags: int, payload: bytes) -> bytes:
    """The content of a DATA frame, without its padding."""
    if not flags & PADDED:
        return payload
    if not payload:
        raise Http2ConnectionError(Code.FRAME_SIZE_ERROR, "a padded frame has a pad length")
    padding = payload[0]
    if padding >= len(payload):
        raise Http2ConnectionError(Code.PROTOCOL_ERROR, "there is more padding than frame")
    return payload[1 : len(payload) - padding]


def header_block(flags: int, stream: int, payload: bytes) -> bytes:
    """The part of a header block in a HEADERS frame, without padding and priority."""
    block = content(flags, payload)
    if not flags & PRIORITY:
        return block
    if len(block) < 5:
        raise Http2ConnectionError(Code.FRAME_SIZE_ERROR, "a priority has five bytes")
    if int.from_bytes(block[:4], "big") & STREAM_MASK == stream:
        raise Http2StreamError(stream, Code.PROTOCOL_ERROR, "a stream cannot depend on itself")
    return block[5:]
