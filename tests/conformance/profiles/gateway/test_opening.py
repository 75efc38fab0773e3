"""Requests to a gateway over real sockets: their bytes, TLS, reuse, and failures in time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from conformance.profiles.gateway.opening import Requested, Target, dial
from conformance.profiles.gateway.request import Request
from conformance.profiles.relay.opening import OpeningError
from conformance.wire.http1_message import SELF_DELIMITED
from tests.conformance.profiles.gateway.miniature_gateway import (
    HOST,
    Serve,
    certificate,
    gateway,
)

REQUEST = Request("/v1/chat", (("x-test-pattern", "short"),), b'{"a":1}')


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def play(client: Callable[[Target], Awaitable[None]], serve: Serve, **tls: object) -> None:
    async def main() -> None:
        async with gateway(serve, **tls) as target, asyncio.timeout(10):  # type: ignore[arg-type]
            await client(target)

    asyncio.run(main())


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


async def received(connection: object, size: int) -> bytes:
    """Exactly this many bytes, read in pieces of at most 4 KiB."""
    ready = asyncio.Event()
    connection.watch(ready.set)  # type: ignore[attr-defined]
    data = b""
    while len(data) < size:
        ready.clear()
        try:
            data += connection.recv(4096)  # type: ignore[attr-defined]
        except BlockingIOError:
            await ready.wait()
    connection.unwatch()  # type: ignore[attr-defined]
    return data


def test_the_request_is_sent_as_it_stands() -> None:
    async def client(target: Target) -> None:
        opening = Requested(target, REQUEST, rules=SELF_DELIMITED)
        connection = await opening.connect(deadline=soon())
        await opening.begin(deadline=soon())
        head = (
            f"POST /v1/chat HTTP/1.1\r\nHost: {target.authority}\r\n"
            'X-Test-Pattern: short\r\nContent-Length: 7\r\n\r\n{"a":1}'
        )
        assert opening.request == head.encode()
        assert await received(connection, len(opening.request)) == opening.request
        opening.release()
        assert connection.socket.fileno() == -1

    play(client, echo)


def test_a_request_can_be_edited_and_a_get_has_no_length() -> None:
    target = Target(HOST, 1)
    edited = Requested(
        target, REQUEST, rules=SELF_DELIMITED, edit=lambda text: text.replace(b"POST", b"PUT")
    )
    assert edited.request.startswith(b"PUT /v1/chat HTTP/1.1\r\n")
    get = Requested(target, Request("/", (("host", "me"),), b"", "GET"), rules=SELF_DELIMITED)
    assert get.request == b"GET / HTTP/1.1\r\nHost: me\r\n\r\n"


def test_a_kept_connection_is_used_again() -> None:
    async def client(target: Target) -> None:
        first = Requested(target, REQUEST, rules=SELF_DELIMITED, keep=True)
        connection = await first.connect(deadline=soon())
        await first.begin(deadline=soon())
        await received(connection, len(first.request))
        connection.close()
        first.release()
        assert connection.socket.fileno() >= 0
        second = Requested(target, REQUEST, rules=SELF_DELIMITED, reuse=connection)
        assert await second.connect(deadline=soon()) is connection
        await second.begin(deadline=soon())
        assert await received(connection, len(second.request)) == second.request
        connection.close()
        assert connection.socket.fileno() == -1
        connection.finish()
        connection.reset()

    play(client, echo)


def test_tls_is_verified_and_delivers_large_records_whole(tmp_path: Path) -> None:
    async def client(target: Target) -> None:
        connection = await dial(target, deadline=soon(), alpn="h2")
        assert connection.protocol == "h2"  # type: ignore[attr-defined]
        large = bytes(range(256)) * 1024
        sending = asyncio.create_task(connection.send_all(large))
        assert await received(connection, len(large)) == large
        await sending
        connection.finish()

    play(client, echo, tls=certificate(tmp_path), ca_file=tmp_path / "ca.pem")


def test_an_unknown_authority_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    certificate(tmp_path / "other")

    async def client(target: Target) -> None:
        with pytest.raises(OpeningError, match="is not trusted"):
            await dial(target, deadline=soon())

    play(client, echo, tls=certificate(tmp_path), ca_file=tmp_path / "other" / "ca.pem")


def test_a_handshake_that_stalls_ends_at_the_deadline(tmp_path: Path) -> None:
    certificate(tmp_path)

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def client(target: Target) -> None:
        with pytest.raises(OpeningError, match="does not accept the connection in time"):
            await dial(
                Target(HOST, target.port, secure=True, ca_file=tmp_path / "ca.pem"),
                deadline=soon(0.1),
            )

    play(client, stall)


def test_a_request_that_is_not_read_ends_at_the_deadline() -> None:
    async def client(target: Target) -> None:
        large = Request("/", (), b"x" * (64 << 20))
        opening = Requested(target, large, rules=SELF_DELIMITED)
        await opening.connect(deadline=soon())
        with pytest.raises(OpeningError, match="did not read the request in time"):
            await opening.begin(deadline=soon(0.1))
        opening.release()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(0.2)
        writer.transport.abort()

    play(client, mute)


def test_a_port_that_refuses_is_named() -> None:
    async def closed() -> int:
        async with gateway(echo) as target:
            return target.port

    port = asyncio.run(closed())
    with pytest.raises(OpeningError, match=f"{HOST}:{port} cannot be connected to"):
        asyncio.run(dial_soon(Target(HOST, port)))


async def dial_soon(target: Target) -> object:
    return await dial(target, deadline=soon())


@pytest.mark.parametrize(
    ("url", "scheme", "authority"),
    [
        ("http://gateway:4000/v1", "http", "gateway:4000"),
        ("http://gateway", "http", "gateway:80"),
        ("https://gateway/v1", "https", "gateway:443"),
    ],
)
def test_a_target_of_a_url(url: str, scheme: str, authority: str, tmp_path: Path) -> None:
    target = Target.of(url, tmp_path)
    assert (target.scheme, target.authority) == (scheme, authority)
