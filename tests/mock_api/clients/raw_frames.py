"""An HTTP/2 client that sends and reads frames as they are, with no opinion about them.

h2's client ends the connection for itself when it reads GOAWAY; this one reads on.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

import hpack
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class RawFrames:
    """One connection: SETTINGS are sent and acknowledged, the rest is up to the test."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.frames: list[Frame] = []
        """The received frames, except SETTINGS."""
        self.settings: list[dict[int, int]] = []
        self._rest = b""
        self.sock.sendall(PREFACE + SettingsFrame(0).serialize())

    def send(self, *frames: Frame) -> None:
        """Send them in one write."""
        self.sock.sendall(b"".join(frame.serialize() for frame in frames))

    def head(
        self, stream: int, more: Iterable[tuple[str, str]] = (), *, end: bool = False
    ) -> Frame:
        """The HEADERS of a chat request."""
        pseudo = [(":method", "POST"), (":scheme", "http"), (":authority", "mock")]
        path = (":path", "/v1/chat/completions")
        fields = [(name, value, True) for name, value in [*pseudo, path, *more]]
        flags = ["END_HEADERS", *(["END_STREAM"] if end else [])]
        return HeadersFrame(stream, hpack.Encoder().encode(fields), flags=flags)

    def body(self, stream: int, data: bytes, *, end: bool = True) -> Frame:
        return DataFrame(stream, data, flags=["END_STREAM"] if end else [])

    def read_until(self, condition: Callable[[], bool]) -> None:
        """Read until it holds; the connection must not end before."""
        while not condition():
            assert self._read(), "the mock closed the connection"

    def read_to_end(self) -> None:
        while self._read():
            pass

    def of(self, kind: type[Frame]) -> list[Frame]:
        """The received frames of this type."""
        return [frame for frame in self.frames if type(frame) is kind]

    def data(self, stream: int) -> bytes:
        """The received body of this stream."""
        return b"".join(each.data for each in self.of(DataFrame) if each.stream_id == stream)

    def _read(self) -> bool:
        came = self.sock.recv(65536)
        self._rest += came
        while len(self._rest) >= 9:
            frame, size = Frame.parse_frame_header(memoryview(self._rest[:9]))
            if len(self._rest) < 9 + size:
                break
            frame.parse_body(memoryview(self._rest[9 : 9 + size]))
            self._rest = self._rest[9 + size :]
            if not isinstance(frame, SettingsFrame):
                self.frames.append(frame)
            elif "ACK" not in frame.flags:
                self.settings.append(frame.settings)
                self.send(SettingsFrame(0, flags=["ACK"]))
        return bool(came)
