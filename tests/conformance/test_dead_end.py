"""Each place where no API is fails in its own way, over TCP and over a Unix socket alike."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conformance.dead_end import addresses_of
from conformance.scenario import Api
from conformance.upstream import Addresses

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


def test_the_mock_is_where_it_is() -> None:
    async def look() -> None:
        async with addresses_of(Api.MOCK, MOCK) as addresses:
            assert addresses is MOCK

    asyncio.run(look())
