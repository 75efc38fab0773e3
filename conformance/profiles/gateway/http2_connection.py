"""The client's HTTP/2 connection to a gateway, and the streams on it.

The connection always reads its socket, so that no stream waits for another. A stream's
bytes wait in its buffer until the scenario reads them. Only then is the stream's window
opened again: a client that pauses stalls its own stream and no other one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings
import hyperframe.frame

from conformance.profiles.gateway.connection import HttpConnection
from conformance.profiles.gateway.request import Request

READ = 1 << 16
CONNECTION_WINDOW = 1 << 24
"""Bytes that all streams together may have unread: far more than one stream's window."""


class _Protocol(h2.connection.H2Connection):
    """h2, except that a graceful GOAWAY lets the running streams end (RFC 9113 6.8).

    h2 refuses every frame after a GOAWAY.
    """

    def _receive_goaway_frame(
        self, frame: hyperframe.frame.GoAwayFrame
    ) -> tuple[list[hyperframe.frame.Frame], list[h2.events.Event]]:
        return super()._receive_goaway_frame(frame) if frame.error_code else ([], [])


class Http2Connection:
    """An open connection, on which streams begin."""

    def __init__(self, connection: HttpConnection, *, window: int | None = None) -> None:
        """window: bytes that the gateway may send ahead on each stream; 65,535 by default."""
        self.socket = connection
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self._h2 = _Protocol(config)
        self._streams: dict[int, Http2Stream] = {}
        self.closed: str | None = None
        """How the whole connection ended; None while it is open."""
        self._h2.initiate_connection()
        if window is not None:
            code = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
            self._h2.update_settings({code: window})
        self._h2.increment_flow_control_window(CONNECTION_WINDOW)
        self._unsent = b""
        self._flush()
        connection.watch(self._readable)

    def begin(self, stream: Http2Stream, request: Request, authority: str, scheme: str) -> None:
        """Begin the stream by a request; its body follows as the gateway's window allows.

        Raises OSError where the connection is closed.
        """
        if self.closed is not None:
            raise ConnectionResetError(self.closed)
        number = self._h2.get_next_available_stream_id()
        stream.begun(self, number)
        self._streams[number] = stream
        named = dict(request.headers)
        headers = [
            (":method", request.method),
            (":scheme", scheme),
            (":authority", named.pop("host", authority)),
            (":path", request.path),
            *named.items(),
        ]
        if request.body:
            headers.append(("content-length", str(len(request.body))))
        self._h2.send_headers(number, headers, end_stream=not request.body)
        stream.unsent = request.body
        self._push(stream)

    def reset(self, number: int) -> None:
        """Send RST_STREAM(CANCEL)."""
        self._streams.pop(number, None)
        if self.closed is None:
            try:
                self._h2.reset_stream(number, h2.errors.ErrorCodes.CANCEL)
            except h2.exceptions.ProtocolError:
                return  # it has ended already
            self._flush()

    def acknowledge(self, number: int, size: int) -> None:
        """Open the stream's window again by what the scenario has read."""
        if self.closed is None and size:
            try:
                self._h2.increment_flow_control_window(size, number)
            except h2.exceptions.ProtocolError:
                return  # it has ended already
            self._flush()

    def close(self) -> None:
        """Close the connection. A second call has no effect."""
        self._end("the client closed the connection", reset=False)
        self.socket.finish()

    def cut(self) -> None:
        """Leave with RST of the whole connection."""
        self._end("the client reset the connection", reset=True)
        self.socket.reset()

    def _push(self, stream: Http2Stream) -> None:
        """Send as much of the stream's body as the windows allow."""
        try:
            while stream.unsent:
                room = min(
                    self._h2.local_flow_control_window(stream.number),
                    self._h2.max_outbound_frame_size,
                )
                if room <= 0:
                    break
                part, stream.unsent = stream.unsent[:room], stream.unsent[room:]
                self._h2.send_data(stream.number, part, end_stream=not stream.unsent)
        except h2.exceptions.StreamClosedError:
            stream.unsent = b""  # the gateway answered early, and wants no more of it
        self._flush()

    def _flush(self) -> None:
        self._unsent += self._h2.data_to_send()
        while self._unsent and self.closed is None:
            try:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            except BlockingIOError:
                asyncio.get_running_loop().call_later(0.001, self._flush)
                return
            except OSError as error:
                self._end(str(error), reset=True)
                return

    def _readable(self) -> None:
        try:
            data = self.socket.recv(READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(str(error), reset=True)
            return
        if not data:
            self._end("the gateway closed the connection", reset=False)
            return
        try:
            events = self._h2.receive_data(data)
        except h2.exceptions.ProtocolError as error:
            self._end(f"the gateway broke HTTP/2: {error}", reset=True)
            return
        for event in events:
            self._take(event)
        self._flush()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self._end(f"GOAWAY with error code {event.error_code}", reset=True)
            return
        if isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            for stream in self._streams.values():
                self._push(stream)
            return
        found = self._streams.get(getattr(event, "stream_id", None) or 0)
        if found is not None:
            self._take_of(found, event)

    def _take_of(self, stream: Http2Stream, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                stream.take(_head(event.headers or []))
            case h2.events.DataReceived():
                stream.take(event.data or b"")
                # The frame's padding was never the scenario's to read.
                padding = (event.flow_controlled_length or 0) - len(event.data or b"")
                self.acknowledge(stream.number, padding)
            case h2.events.StreamEnded():
                stream.finish()
            case h2.events.StreamReset():
                stream.finish(reset=event.error_code)

    def _end(self, how: str, *, reset: bool) -> None:
        if self.closed is None:
            self.closed = how
            self.socket.unwatch()
            for stream in self._streams.values():
                stream.lose(reset=reset)


class Http2Stream:
    """One stream: the client's Connection of one exchange."""

    held = ""

    def find_held(self) -> str:
        """A stream has no descriptor."""
        return ""

    def __init__(self) -> None:
        """Make a stream that has not begun."""
        self.number = 0
        self.unsent = b""
        """What of the request's body waits for the gateway's window."""
        self.ended = False
        """Whether END_STREAM arrived."""
        self.error_code: int | None = None
        """The code of the gateway's RST_STREAM."""
        self._buffer: deque[bytes] = deque()
        self._over: BaseException | bytes | None = None
        self._readable: Callable[[], None] | None = None
        self._connection: Http2Connection | None = None
        self._head_read = False

    def begun(self, connection: Http2Connection, number: int) -> None:
        """It has this number on this connection from now on."""
        self._connection, self.number = connection, number

    @property
    def drained(self) -> bool:
        """Whether the message ended, and the scenario has read everything."""
        return self.ended and not self._buffer

    def watch(self, readable: Callable[[], None]) -> None:
        """Call `readable` whenever there may be bytes to receive."""
        self._readable = readable
        self._wake()

    def unwatch(self) -> None:
        """Receive no further: the stream's window fills up."""
        self._readable = None

    def recv(self, size: int) -> bytes:
        """Receive at most `size` bytes; empty at the end. Raises OSError."""
        if not self._buffer:
            if isinstance(self._over, BaseException):
                raise self._over
            if self._over is not None:
                return self._over
            raise BlockingIOError
        head, rest = self._buffer[0][:size], self._buffer[0][size:]
        if rest:
            self._buffer[0] = rest
        else:
            self._buffer.popleft()
        # The head does not count against the window (RFC 9113 6.9).
        if self._head_read and self._connection is not None:
            self._connection.acknowledge(self.number, len(head))
        self._head_read = self._head_read or not rest
        self._wake()
        return head

    def take(self, data: bytes) -> None:
        """Take bytes from the connection."""
        if data:
            self._buffer.append(data)
            self._wake()

    def finish(self, *, reset: int | None = None) -> None:
        """The stream ended: by END_STREAM, or by RST_STREAM with this code."""
        if reset is None:
            self.ended = True
            self._over = b""
        elif not self.ended:
            self.error_code = int(reset)
            self._over = ConnectionResetError(f"RST_STREAM with error code {int(reset)}")
        self._wake()

    def lose(self, *, reset: bool) -> None:
        """The connection ended before the stream did."""
        if self._over is None:
            self._over = ConnectionResetError("the connection ended") if reset else b""
            self._wake()

    def send(self, data: bytes) -> int:
        """Surplus bytes cannot be sent on a stream that has ended."""
        return len(data)

    def half_close(self) -> None:
        """Nothing: the request's END_STREAM has half-closed the stream already."""

    def close(self) -> None:
        """Leave: RST_STREAM(CANCEL), unless the answer has ended."""
        self._readable = None
        if self._over is None:
            self._over = b""
            if self._connection is not None:
                self._connection.reset(self.number)

    def reset(self) -> None:
        """Leave: RST_STREAM(CANCEL)."""
        self.close()

    def _wake(self) -> None:
        if self._readable is not None and (self._buffer or self._over is not None):
            asyncio.get_running_loop().call_soon(self._call)

    def _call(self) -> None:
        if self._readable is not None:
            self._readable()


def _head(headers: Iterable[tuple[str | bytes, str | bytes]]) -> bytes:
    fields = [(_text(name), _text(value)) for name, value in headers]
    status = next((value for name, value in fields if name == ":status"), "000")
    lines = [f"HTTP/1.1 {status} "]
    lines += [f"{name}: {value}" for name, value in fields if not name.startswith(":")]
    return "\r\n".join([*lines, "", ""]).encode()


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
