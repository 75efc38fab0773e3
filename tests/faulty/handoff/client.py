"""The client's end of an exchange: its socket, and an eye that is kept on it.

The socket's description is shared with the web server, which may have set
O_NONBLOCK or not, and may change it: so nothing here depends on that flag,
every call says MSG_DONTWAIT and every wait is a poll. While anything is
waited for, the client's side is read and thrown away, because behind bytes
that nobody wants may stand the FIN that says the client has left.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
import time
from typing import Protocol

import answer
from faults import fault

LINGER_SECONDS = 1.0
LINGER_BYTES = 1 << 20
"""For how long and how much is read after the last byte was sent (R8)."""

STOPPED_LINGER_SECONDS = 0.1
"""The same once the daemon's own time is up."""

_READ = 1 << 16

_REASONS = {400: "Bad Request", 413: "Content Too Large", 502: "Bad Gateway",
            503: "Service Unavailable", 504: "Gateway Timeout"}  # fmt: skip


class ClientLeftError(Exception):
    """The client closed or reset its connection."""


class StoppedError(Exception):
    """The daemon's time to finish is over (L2)."""


class TimeUpError(Exception):
    """What was waited for did not come in time."""


class Polled(Protocol):
    """Anything with a descriptor."""

    def fileno(self) -> int: ...


_writing = threading.Lock()
_overflow = bytearray()
"""For two faults: what all clients share."""


class Client:
    """The connection that was handed over."""

    def __init__(self, sock: socket.socket, write_timeout: float, stop: int) -> None:
        """stop: a descriptor that is readable when exchanges have to end."""
        self.headers: list[tuple[str, str]] = []
        """Those that the handoff asks for."""
        self.began = False
        """The head of the event stream was sent: from here on R6 holds, before it R5."""
        self._socket = sock
        self._write_timeout = write_timeout
        self._stop = stop
        self._stopped = False
        self._watched = True
        self._queued = bytearray()
        self._torn = False
        """The last send ended before its last byte."""
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if fault("corked"):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)

    # Waiting

    def wait(self, other: Polled | None, events: int, deadline: float) -> None:
        """Wait until `other` is ready for these events; None stands for the client itself.

        Raises TimeUpError, ClientLeftError or StoppedError when that comes first.
        """
        poll = select.poll()
        watched = self._watched
        if other is not None and fault("leaving_unseen_in_silence"):
            watched = False
        if other is not None and fault("leaving_unseen_before_head") and not self.began:
            watched = False
        mine = select.POLLIN if watched else 0
        if other is None:
            mine |= events
        else:
            poll.register(other, events)
        if mine:
            poll.register(self._socket, mine)
        unstoppable = fault("stalled_extend_shutdown") and other is None
        if not self._stopped and not unstoppable:
            poll.register(self._stop, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeUpError
            ready = dict(poll.poll(left * 1000 + 1))
            if self._stop in ready:
                self._stopped = True
                raise StoppedError
            mine_now = ready.pop(self._socket.fileno(), 0)
            if watched and mine_now & ~select.POLLOUT:
                self._look()
                if not self._watched:
                    self.wait(other, events, deadline)
                    return
            if ready or (other is None and mine_now & ~select.POLLIN):
                return

    def _look(self) -> None:
        """The client sent something, or has left."""
        if fault("input_hides_leaving"):
            self._watched = False
            if self._peek():
                return
        try:
            data = self._socket.recv(_READ, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            raise ClientLeftError from error
        if not data or fault("input_is_leaving"):
            raise ClientLeftError

    def _peek(self) -> bytes:
        try:
            return self._socket.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except OSError:
            return b""

    # Sending

    def begin(self) -> None:
        """Send the head of the event stream (R1)."""
        fields = [
            ("Content-Type", "text/event-stream"),
            ("Cache-Control", "no-cache"),
            ("Connection", "keep-alive" if fault("keep_alive_announced") else "close"),
            ("X-Accel-Buffering", "no"),
        ]
        if fault("no_accel_buffering"):
            fields.pop()
        if not fault("response_headers_ignored"):
            fields += self.headers
        if fault("chunked_announced"):
            fields.append(("Transfer-Encoding", "chunked"))
        self.send(_head(200, "OK", fields))
        self.began = True

    def send(self, data: bytes) -> None:
        """Send all of it, however long the client takes, but never without progress for long."""
        if not data:
            return
        if self.began and fault("chunked_announced"):
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self.began and (fault("unbounded_queue") or fault("tail_lost_while_stalled")):
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
                if fault("rest_dropped_when_full"):
                    return
                self._torn = True
                if fault("shared_overflow"):
                    _overflow.extend(view)
                self._wait_for_room()
                if fault("shared_overflow"):
                    view = memoryview(bytes(_overflow))
                    _overflow.clear()
            except OSError as error:
                raise ClientLeftError from error
            else:
                if fault("partial_write_miscounted") and sent < len(view):
                    sent -= 1
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
        patience = STOPPED_LINGER_SECONDS if self._stopped else self._write_timeout
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
        if fault("error_body_relayed") and failure.said:
            kind, body = "text/html", failure.said.encode()
        fields = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        fields.append(("Connection", "close"))
        if failure.retry_after and not fault("retry_after_lost"):
            fields.append(("Retry-After", failure.retry_after))
        if not fault("response_headers_not_on_errors"):
            fields += self.headers
        self.send(_head(status, _REASONS.get(status, "Error"), fields) + body)
        self.end()

    def fail(self, failure: answer.FailedError) -> None:
        """Tell the client that its answer failed, in the way that is still open (R5, R6)."""
        if not self.began:
            if fault("failures_close_silently"):
                self.shut()
                return
            self.refuse(failure)
            return
        if self._torn or fault("truncation_is_silent"):
            self.shut()
            return
        if fault("stop_invented"):
            self.send(
                answer.event_of('{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}')
            )
        self.send(answer.error_event(failure))
        if fault("done_after_error"):
            self.send(answer.SENT_DONE)
        self.end()

    def end(self) -> None:
        """The last byte was sent (R8)."""
        self.shut()
        self.linger()

    def shut(self) -> None:
        """Shut down the sending side: only that shows an end while the sender holds a copy."""
        if self.began and fault("chunked_announced"):
            self._send(b"0\r\n\r\n")
        if self._queued and not fault("tail_lost_while_stalled"):
            self._send(bytes(self._queued))
        if fault("closed_without_shutdown"):
            return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def linger(self) -> None:
        """Read what the client still sends: closed over unread bytes, it would be a reset."""
        if fault("closed_without_linger"):
            return
        patience = 1e6 if fault("lingers_for_ever") else LINGER_SECONDS
        until = time.monotonic() + (STOPPED_LINGER_SECONDS if self._stopped else patience)
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        if not self._stopped:
            poll.register(self._stop, select.POLLIN)
        left = LINGER_BYTES
        while left > 0 and (seconds := until - time.monotonic()) > 0:
            ready = dict(poll.poll(seconds * 1000 + 1))
            if self._stop in ready:
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
    if fault("response_headers_override"):
        # Of two fields with one name the later one holds, as in any dictionary.
        fields = list({name.title(): (name, value) for name, value in fields}.values())
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode(errors="replace")
