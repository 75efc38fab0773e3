"""Deliveries that differ from a web server's: other descriptors, cuts, a missing end."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from conformance.core.socket_type import SocketType
from conformance.profiles.handoff.client_pair import target
from conformance.profiles.handoff.opening import Delivery, HandedOff
from conformance.profiles.handoff.sender import Sender
from tests.conformance.profiles.handoff.miniature_daemon import miniature_daemon

PAYLOAD = b'{"prompt":"hello"}'


def delivered(path: Path, socket_type: SocketType, **delivery: Any) -> tuple[list[str], bytes]:
    """Hand a client over by a Sender; the sockets that the daemon received, and the data."""

    async def main() -> tuple[list[str], bytes]:
        loop = asyncio.get_running_loop()
        received: asyncio.Future[tuple[list[str], bytes]] = loop.create_future()

        async def serve(clients: list[socket.socket], data: bytes) -> None:
            received.set_result(([target(client.fileno()) for client in clients], data))

        deadline = time.monotonic() + 10
        async with (
            miniature_daemon(path, socket_type, serve),
            Sender(path, socket_type=socket_type, deadline=deadline) as sender,
        ):
            opening = HandedOff(
                path,
                socket_type=socket_type,
                payload=PAYLOAD,
                delivery=Delivery(sender=sender, **delivery),
            )
            connection = await opening.connect(deadline=deadline)
            await opening.begin(deadline=deadline)
            if socket_type is SocketType.SEQPACKET:
                sender.close()
            names, data = await received
            opening.release()
            return [name if name != connection.held else "client" for name in names], data

    return asyncio.run(main())


@pytest.mark.parametrize("socket_type", list(SocketType))
def test_other_descriptors_stand_around_the_clients(
    tmp_path: Path, socket_type: SocketType
) -> None:
    with socket.socket() as first, socket.socket() as last:
        names, data = delivered(
            tmp_path / "d.sock", socket_type, before=[first.fileno()], after=[last.fileno()]
        )
        assert names == [target(first.fileno()), "client", target(last.fileno())]
    assert data == PAYLOAD


@pytest.mark.parametrize("cuts", [(), (7,), (7, -5), (1, 2, 3)])
def test_cut_data_arrives_whole_with_the_descriptor_once(
    tmp_path: Path, cuts: tuple[int, ...]
) -> None:
    names, data = delivered(tmp_path / "d.sock", SocketType.STREAM, cuts=cuts)
    assert (names, data) == (["client"], PAYLOAD)
