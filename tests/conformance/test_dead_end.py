"""Each place where no API is fails in its own way, over TCP and over a Unix socket alike."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conformance.core.scenario import Api
from conformance.mock.addresses import Addresses
from conformance.mock.failing_apis import addresses_of

MOCK = Addresses("http://127.0.0.1:1/v1", "https://127.0.0.1:2/v1", "/api", "/ca.pem", "http://c")


def found(api: Api) -> set[str]:
    """What a client finds on each of the addresses."""

    async def look() -> set[str]:
        async with addresses_of(api, MOCK) as addresses:
            assert addresses.control == MOCK.control
            return {_try(each) for each in _clients(addresses)}

    return asyncio.run(look())


def _clients(addresses: Addresses) -> Iterator[tuple[socket.socket, object]]:
    for url in (addresses.http, addresses.https):
        parts = urlsplit(url)
        assert parts.path == "/v1"
        yield socket.socket(), (parts.hostname, parts.port)
    yield socket.socket(socket.AF_UNIX), addresses.socket


def _try(client: tuple[socket.socket, object]) -> str:
    with client[0] as connection:
        connection.settimeout(0.1)
        try:
            connection.connect(client[1])
        except ConnectionRefusedError:
            return "refused"
        except (TimeoutError, BlockingIOError):
            return "neither accepted nor refused"
        with suppress(TimeoutError):
            return repr(connection.recv(1))
        return "silence"


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        (Api.REFUSING, "refused"),
        (Api.SILENT, "silence"),
        (Api.UNREACHABLE, "neither accepted nor refused"),
    ],
)
def test_a_dead_end_is_dead_on_every_address(api: Api, expected: str) -> None:
    assert found(api) == {expected}


def test_an_untrusted_api_is_the_mock_with_the_ca_of_somebody_else() -> None:
    async def look() -> None:
        async with addresses_of(Api.UNTRUSTED, MOCK) as addresses:
            assert addresses.https == MOCK.https
            assert "BEGIN CERTIFICATE" in Path(addresses.ca_file).read_text()  # noqa: ASYNC240

    asyncio.run(look())


def test_a_misnamed_api_is_the_mock_by_a_detour() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    async def look() -> None:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            place = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            async with addresses_of(Api.MISNAMED, replace(MOCK, https=place)) as addresses:
                assert (addresses.http, addresses.ca_file) == (MOCK.http, MOCK.ca_file)
                parts = urlsplit(addresses.https)
                assert parts.hostname == "127.0.0.2"
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                writer.write(b"hello")
                writer.write_eof()
                assert await reader.read() == b"hello"
                writer.close()

    asyncio.run(look())


def test_an_abrupt_api_answers_the_head_and_resets_every_other_connection() -> None:
    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 5000)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413 ")
        body = await reader.readuntil(b"}}")
        ended = "open"
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                try:
                    assert await reader.read() == b""
                    ended = "closed"
                except ConnectionResetError:
                    ended = "reset"
        writer.close()
        return f"{ended} after {body[body.index(b'answer') :][:8].decode()}"

    async def look() -> list[str]:
        async with addresses_of(Api.ABRUPT, MOCK) as addresses:
            plain, secure = urlsplit(addresses.http), urlsplit(addresses.https)
            context = ssl.create_default_context(cafile=addresses.ca_file)
            return [
                await ask(*await asyncio.open_connection(plain.hostname, plain.port)),
                await ask(*await asyncio.open_connection(plain.hostname, plain.port)),
                await ask(*await asyncio.open_unix_connection(addresses.socket)),
                await ask(*await asyncio.open_unix_connection(addresses.socket)),
                await ask(
                    *await asyncio.open_connection(secure.hostname, secure.port, ssl=context)
                ),
            ]

    reset, second, third, fourth, fifth = asyncio.run(look())
    assert reset == "reset after answer 1"
    assert (second, fourth) == ("open after answer 2", "open after answer 4")
    # All that was sent on the Unix socket had been read; a TLS client may see either.
    assert third == "closed after answer 3"
    assert fifth in ("closed after answer 5", "reset after answer 5")


def test_the_mock_is_where_it_is() -> None:
    async def look() -> None:
        async with addresses_of(Api.MOCK, MOCK) as addresses:
            assert addresses is MOCK

    asyncio.run(look())
