"""One request and what becomes of it: the values that pass between protocol, app and journal."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from mock_api.language.script import Script
from mock_api.language.selection import ORDINARY, Selection
from mock_api.language.sse import Dispatch

WITHHELD = b"(withheld)"
SECRET_HEADERS = frozenset((b"authorization", b"proxy-authorization", b"x-api-key", b"api-key"))
"""Headers whose values are compared with the registered keys, or not at all, and never kept."""


class End(Enum):
    """How an exchange ended, as far as the mock knows."""

    RUNNING = "running"
    FINISHED = "finished"
    """The script was played to its last step and all of it handed to the kernel."""
    CLIENT_GONE = "client_gone"
    """The connection was closed, or the stream reset, before that."""


class Request:
    """One request, whatever protocol it came by."""

    __slots__ = ("body", "complete", "credential", "headers", "method", "path", "query")

    def __init__(
        self,
        method: str,
        target: str,
        headers: tuple[tuple[bytes, bytes], ...],
        body: bytes,
        credential: bytes | None,
        *,
        complete: bool = True,
    ) -> None:
        self.method = method
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        """Names in lower case, in order; the values of secret ones withheld."""
        self.body = body
        self.complete = complete
        """Whether that is all of the body; if not, no more will be read."""
        self.credential = credential
        """The value of Authorization, until the app has looked its name up."""

    def header(self, name: bytes) -> str | None:
        """The header's value; several values are joined with a comma; None when absent."""
        values = [value for key, value in self.headers if key == name]
        return text(b", ".join(values)) if values else None


def text(value: bytes) -> str:
    """Header bytes as text: UTF-8 where they are, else ISO 8859-1 (RFC 9110 5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


class Reply:
    """What the app decided to answer."""

    __slots__ = ("authorized", "journalled", "key", "pattern", "script", "selection")

    def __init__(
        self,
        script: Script,
        *,
        selection: Selection = ORDINARY,
        pattern: str | None = None,
        key: str | None = None,
        authorized: bool = False,
        journalled: bool = True,
    ) -> None:
        self.script = script
        self.selection = selection
        self.pattern = pattern
        """The pattern that was applied; None for the ordinary answer and for errors."""
        self.key = key
        """The name under which the request's key was registered."""
        self.authorized = authorized
        self.journalled = journalled


KNOWN_SIZE = 4096
"""The longest request that is remembered, and whose body the journal need not weigh, in bytes."""


class Known:
    """A request that came before, and the answer, all of which one write sends.

    Each protocol adds the answer as it wants it.
    """

    __slots__ = ("events", "reply", "request", "sends", "size")

    def __init__(
        self, request: Request, reply: Reply, size: int, events: tuple[Dispatch, ...]
    ) -> None:
        self.request = request
        self.reply = reply
        self.size = size
        """How many bytes the answer has."""
        self.events = events
        self.sends = len(events)


class Later:
    """A reply that is not known yet: `answer` is called with it, once, unless cancelled."""

    __slots__ = ("_cancel", "answer")

    def __init__(self) -> None:
        self.answer: Callable[[Script], None] | None = None
        """Set by whoever will send the reply."""
        self._cancel: tuple[Callable[[], object], ...] = ()

    def on_end(self, *callbacks: Callable[[], object]) -> None:
        """What to call when nobody waits any more."""
        self._cancel = callbacks

    def resolve(self, script: Script) -> None:
        """Answer now."""
        answer = self.answer
        self.cancel()
        if answer is not None:
            answer(script)

    def cancel(self) -> None:
        """The client is gone, or has been answered."""
        self.answer = None
        callbacks, self._cancel = self._cancel, ()
        for callback in callbacks:
            callback()


class Peer:
    """The connection an exchange came by, as the journal names it."""

    __slots__ = ("connection", "protocol", "transport")

    def __init__(self, connection: int, protocol: str, transport: str) -> None:
        self.connection = connection
        self.protocol = protocol
        """`http/1.1` or `h2`."""
        self.transport = transport
        """`tcp`, `tls` or `unix`."""


class Entry:
    """One exchange in the journal, while it runs and after."""

    __slots__ = (
        "bytes_sent",
        "end",
        "ended_at",
        "events",
        "events_sent",
        "id",
        "peer",
        "received_at",
        "reply",
        "request",
        "stamps",
        "stream",
    )

    def __init__(
        self,
        request: Request,
        reply: Reply,
        peer: Peer,
        stream: int | None,
        events: Sequence[Dispatch],
        received_at: float,
    ) -> None:
        self.id = 0
        self.request = request
        self.reply = reply
        self.peer = peer
        self.stream = stream
        self.events = events
        """The events the script sends, in order; the first of them were sent.

        Of an answer that is not kept only the beginning is here.
        """
        self.events_sent = 0
        self.received_at = received_at
        self.bytes_sent = 0
        self.stamps: list[tuple[float, int]] = []
        """When events were handed to the kernel, and how many each time."""
        self.end = End.RUNNING
        self.ended_at: float | None = None

    @property
    def token(self) -> str | None:
        return self.reply.selection.token

    @property
    def key(self) -> str | None:
        return self.reply.key

    def as_json(self, *, brief: bool = False) -> dict[str, Any]:
        """The entry as the control API shows it (docs/control.md)."""
        request, reply, peer = self.request, self.reply, self.peer
        times = (at for at, count in self.stamps for _ in range(count))
        sent = zip(times, self.events, strict=False)
        return {
            "id": self.id,
            "token": reply.selection.token,
            "pattern": reply.pattern,
            "source": reply.selection.source,
            "key": reply.key,
            "authorized": reply.authorized,
            "protocol": peer.protocol,
            "transport": peer.transport,
            "connection": peer.connection,
            "stream": self.stream,
            "method": request.method,
            "path": request.path,
            "headers": [[text(name), text(value)] for name, value in request.headers],
            "body": "" if brief else base64.b64encode(request.body).decode(),
            "received_at": self.received_at,
            "status": reply.script.status,
            "bytes_sent": self.bytes_sent,
            "events": [
                {"at": at, "data": "" if brief else each.data, "type": each.type}
                for at, each in sent
            ],
            "events_sent": self.events_sent,
            "end": self.end.value,
            "ended_at": self.ended_at,
        }
