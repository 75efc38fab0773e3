"""What the client is sent: the head, the stream or an error in its place, and the end.

The socket's description is shared with the web server, which may have set
O_NONBLOCK or not, and may change it: so nothing here depends on that flag,
every call says MSG_DONTWAIT and every wait is a poll.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time

import answer
from switch import fault
from watch import ClientLeftError, TimeUpError, Wait, Watch

LINGER_SECONDS = 1.0
LINGER_BYTES = 1 << 20
"""For how long and how much is read after the last byte was sent (R8)."""

STOPPED_LINGER_SECONDS = 0.1
"""The same once the daemon's own time is up."""

_READ = 1 << 16

_REASONS = {400: "Bad Request", 413: "Content Too Large", 502: "Bad Gateway",
            503: "Service Unavailable", 504: "Gateway Timeout"}  # fmt: skip


_writing = threading.Lock()
_overflow = bytearray()
"""For two faults: what all clients share."""


_blocked: list[memoryview] = []
"""For a fault: the writes that wait for their clients."""


class Client:
    """The connection that was handed over."""

    def __init__(self, sock: socket.socket, write_timeout: float, stop: int) -> None:
        """stop: a descriptor that is readable when exchanges have to end."""
        self.headers: list[tuple[str, str]] = []
        """Those that the handoff asks for."""
        self._socket = sock
        self._watch = Watch(sock, stop)
        self._write_timeout = write_timeout
        self._queued = bytearray()
        self._torn = False
        """The last send ended before its last byte."""
        if not fault("nagle_left_on"):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def wait(self) -> Wait:
        """How to wait for anything, with an eye on the client."""
        return self._watch.wait

    @property
    def began(self) -> bool:
        """The head of the event stream was sent: from here on R6 holds, before it R5."""
        return self._watch.began

    # Sending

    def begin(self) -> None:
        """Send the head of the event stream (R1)."""
        fields = [
            ("Content-Type", "text/event-stream"),
            ("Cache-Control", "no-cache"),
            ("Connection", "close"),
            ("X-Accel-Buffering", "no"),
        ]
        if fault("no_accel_buffering"):
            fields.pop()
        if self.headers and not fault("response_headers_ignored"):
            fields += self.headers
        self.send(_head(200, "OK", fields))
        self._watch.began = True

    def send(self, data: bytes) -> None:
        """Send all of it, however long the client takes, but never without progress for long."""
        if not data:
            return
        if self.began and fault("unbounded_queue"):
            self._queue(data)
        elif fault("one_lock_for_writes"):
            with _writing:
                self._send(data)
        else:
            self._send(data)

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            try:
                sent = self._socket.send(view, socket.MSG_DONTWAIT)
            except BlockingIOError:
                if fault("full_means_gone"):
                    raise ClientLeftError from None
                self._torn = True
                if fault("shared_overflow"):
                    _overflow.extend(view)
                if fault("pending_moved"):
                    _blocked.append(view)
                self._wait_for_room()
                if fault("pending_moved") and _blocked[-1] is not view:
                    view = _blocked[-1][-len(view) :]
                if fault("shared_overflow"):
                    view = memoryview(bytes(_overflow))
                    _overflow.clear()
            except OSError as error:
                raise ClientLeftError from error
            else:
                view = view[sent:]
        self._torn = False

    def _queue(self, data: bytes) -> None:
        """For two faults: take whatever comes, and send what the socket takes now."""
        self._queued += data
        try:
            sent = self._socket.send(self._queued[: 1 << 20], socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            raise ClientLeftError from error
        del self._queued[:sent]

    def _wait_for_room(self) -> None:
        patience = STOPPED_LINGER_SECONDS if self._watch.stopped else self._write_timeout
        if fault("no_write_timeout"):
            patience = 1e6
        try:
            self.wait(None, select.POLLOUT, time.monotonic() + patience)
        except TimeUpError:
            # What the kernel still holds is of no use to it either: let it be reset.
            with contextlib.suppress(OSError):
                now = struct.pack("ii", 1, 0)
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
            raise ClientLeftError("it took nothing for too long") from None

    # Ending

    def refuse(self, failure: answer.FailedError) -> None:
        """Answer with an error status (R5) and end."""
        status = failure.status
        if fault("errors_are_500") and status in (502, 504):
            status = 500
        kind, body = "application/json", answer.error_body(failure)
        fields = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        fields.append(("Connection", "close"))
        if failure.retry_after and not fault("retry_after_lost"):
            fields.append(("Retry-After", failure.retry_after))
        fields += self.headers
        self.send(_head(status, _REASONS.get(status, "Error"), fields) + body)
        self.end()

    def fail(self, failure: answer.FailedError) -> None:
        """Tell the client that its answer failed, in the way that is still open (R5, R6)."""
        if not self.began:
            self.refuse(failure)
            return
        if self._torn:
            self.shut()
            return
        self.send(answer.error_event(failure))
        self.end()

    def end(self) -> None:
        """The last byte was sent (R8)."""
        self.shut()
        self.linger()

    def shut(self) -> None:
        """Shut down the sending side: only that shows an end while the sender holds a copy."""
        if self._queued:
            self._send(bytes(self._queued))
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def linger(self) -> None:
        """Read what the client still sends: closed over unread bytes, it would be a reset."""
        if fault("closed_without_linger"):
            return
        patience = 1e6 if fault("lingers_for_ever") else LINGER_SECONDS
        until = time.monotonic() + (STOPPED_LINGER_SECONDS if self._watch.stopped else patience)
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if not self._watch.stopped:
            poll.register(self._watch.stop, select.POLLIN)
        left = LINGER_BYTES
        while left > 0 and (seconds := until - time.monotonic()) > 0:
            ready = dict(poll.poll(seconds * 1000 + 1))
            if self._watch.stop in ready:
                return
            try:
                data = self._socket.recv(_READ, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except OSError:
                return
            if not data:
                return
            left -= len(data)

    def close(self) -> None:
        """Let go of the descriptor."""
        self._socket.close()


def _head(status: int, reason: str, fields: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode(errors="replace")
