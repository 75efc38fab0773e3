"""Exchanges with a miniature daemon, which the tests of exchanges share."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from conformance.core.evidence import End, JournalEntry
from conformance.core.finding import Finding
from conformance.core.socket_type import SocketType
from conformance.profiles.handoff.client_pair import ClientKind, pair
from conformance.profiles.handoff.opening import Delivery, HandedOff
from conformance.profiles.handoff.payload import encode
from conformance.profiles.handoff.profile import PROFILE
from conformance.profiles.relay.exchange import Exchange
from tests.conformance.profiles.handoff.miniature_daemon import Serve, miniature_daemon

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


EVENT = b'data: {"content":"a"}\n\n'


DONE = b"data: [DONE]\n\n"


KINDS = pytest.mark.parametrize("client", list(ClientKind))


def entry(end: End = End.FINISHED, **changes: Any) -> JournalEntry:
    given: dict[str, Any] = {
        "id": 1,
        "token": "T",
        "pattern": None,
        "source": "prompt",
        "key": "k",
        "authorized": True,
        "protocol": "http/1.1",
        "transport": "tcp",
        "connection": 1,
        "stream": None,
        "method": "POST",
        "path": "/v1/chat/completions",
        "headers": (),
        "body": b"{}",
        "received_at": 0.0,
        "status": 200,
        "bytes_sent": 0,
        "events": (),
        "end": end,
        "ended_at": None,
    }
    return JournalEntry(**{**given, **changes})


@dataclass
class Journal:
    """The upstream side as the tests want it to look: before a wait, and after it."""

    now: tuple[JournalEntry, ...] = ()
    later: tuple[JournalEntry, ...] | None = None
    waits: list[tuple[str, str, float]] = field(default_factory=list)
    gates: int = 0
    """The gates that were opened."""
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def open_gate(self, token: str, count: int) -> None:
        self.gates = count
        self.opened.set()

    async def journal(self, token: str) -> tuple[JournalEntry, ...]:
        return tuple(each for each in self.now if each.token == token)

    async def wait(
        self,
        token: str,
        *,
        state: Literal["received", "ended"],
        within: float,
        brief: bool = False,
    ) -> tuple[JournalEntry, ...]:
        self.waits.append((token, state, within))
        return self.now if self.later is None else self.later


def cited(finding: Finding) -> str | None:
    """The clause that the profile `handoff` blames."""
    return finding.clause or (finding.kind and PROFILE.blame[finding.kind])


def exchange_with(
    path: Path,
    *,
    socket_type: SocketType = SocketType.SEQPACKET,
    payload: dict[str, Any] | bytes = b"{}",
    upstream: Journal | None = None,
    within: float = 10.0,
    scale: float = 1.0,
    read_size: int = 65536,
    keep_copy: bool = False,
    **client: Any,
) -> Exchange:
    """An exchange that is handed over to the daemon on this path."""
    opening = HandedOff(
        path,
        socket_type=socket_type,
        payload=payload if isinstance(payload, bytes) else encode(payload),
        pair_options=client,
        delivery=Delivery(keep_copy=keep_copy),
    )
    return Exchange(
        opening,
        token="T",
        upstream=upstream or Journal(),
        deadline=time.monotonic() + within,
        scale=scale,
        read_size=read_size,
    )


def play(
    path: Path,
    serve: Serve,
    scenario: Callable[[Exchange], Awaitable[None]],
    *,
    upstream: Journal | None = None,
    socket_type: SocketType = SocketType.SEQPACKET,
    within: float = 10.0,
    **options: Any,
) -> Exchange:
    """Play a scenario against a miniature daemon; the exchange is returned, released."""
    pair().close()  # the process's one listener stays
    before = len(os.listdir("/proc/self/fd"))

    async def main() -> Exchange:
        async with miniature_daemon(path / "d.sock", socket_type, serve):
            exchange = exchange_with(
                path / "d.sock",
                socket_type=socket_type,
                payload={"prompt": "hi"},
                upstream=upstream,
                within=within,
                **options,
            )
            async with exchange:
                await exchange.start()
                await scenario(exchange)
            return exchange

    exchange = asyncio.run(main())
    assert len(os.listdir("/proc/self/fd")) == before, "an exchange leaves no descriptor"
    return exchange


def answer(*parts: bytes) -> Serve:
    """A daemon that sends these parts and ends the connection as the contract asks."""

    async def serve(clients: list[socket.socket], _: bytes) -> None:
        for part in parts:
            await asyncio.get_running_loop().sock_sendall(clients[0], part)
        clients[0].shutdown(socket.SHUT_WR)

    return serve


async def silence(_: list[socket.socket], __: bytes) -> None:
    await asyncio.Event().wait()
