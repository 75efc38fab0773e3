"""A journal entry: one exchange, while it runs and after."""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from enum import Enum
from itertools import islice
from typing import Any, NamedTuple

from mock_api.language.sse import Dispatch
from mock_api.playing.exchange import Reply, Request, text

ALL_EVENTS = sys.maxsize
"""As a number of events: every one that the journal keeps."""


class End(Enum):
    """How an exchange ended, as far as the mock knows."""

    RUNNING = "running"
    FINISHED = "finished"
    """The mock played the script to its last step, and the kernel took all of it."""
    CLIENT_GONE = "client_gone"
    """The client closed the connection or reset the stream before that."""


class Peer(NamedTuple):
    """The connection of an exchange, as the journal names it."""

    connection: int
    protocol: str
    """`http/1.1` or `h2`."""
    transport: str
    """`tcp`, `tls` or `unix`."""


class Entry:
    """One exchange in the journal."""

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
        """Its number in the journal, from 1; 0: it is not journalled."""
        self.request = request
        self.reply = reply
        self.peer = peer
        self.stream = stream
        self.events = events
        """The events of the script, in order; `events_sent` of them were sent.

        Of a very large answer only the first events are kept.
        """
        self.events_sent = 0
        self.received_at = received_at
        """When the request was complete, in seconds on the monotonic clock."""
        self.bytes_sent = 0
        self.stamps: list[tuple[float, int]] | None = None
        """When the kernel took events, and how many each time; None: all at the end."""
        self.end = End.RUNNING
        self.ended_at: float | None = None

    def as_json(self, *, brief: bool = False, most: int = ALL_EVENTS) -> dict[str, Any]:
        """The entry as the control API shows it (docs/control.md), with the first `most` events."""
        request, reply, peer = self.request, self.reply, self.peer
        stamps = self.stamps or [(self.ended_at or 0.0, self.events_sent)]
        times = (at for at, count in stamps for _ in range(count))
        sent = islice(zip(times, self.events, strict=False), most)
        return {
            "id": self.id,
            "token": reply.token,
            "pattern": reply.pattern,
            "source": reply.source,
            "key": reply.key,
            "authorized": reply.key is not None,
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
                {"at": at, "data": "" if brief else event.data, "type": event.type}
                for at, event in sent
            ],
            "events_sent": self.events_sent,
            "end": self.end.value,
            "ended_at": self.ended_at,
        }
