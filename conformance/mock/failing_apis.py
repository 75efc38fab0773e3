"""API addresses that refuse, stall or cannot be reached.

A daemon reaches its API over TCP, with or without TLS, or over a Unix socket, as its
variant says. An address fails in the same way on all of them. No server runs behind it:
the kernel alone gives these answers, and gives them every time.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

from conformance.core.scenario import Api
from conformance.daemon.guardian import guardian
from conformance.mock.addresses import Addresses
from conformance.mock.early_reject import abrupt
from conformance.mock.wrong_host_proxy import misnamed

QUEUE = 128
"""Connections that a listener without a server can hold."""


@asynccontextmanager
async def addresses_of(api: Api, mock: Addresses) -> AsyncIterator[Addresses]:
    """The addresses of this kind of API, for the daemon that is started with it."""
    if api is Api.MOCK:
        yield mock
        return
    if api is Api.MISNAMED:
        async with misnamed(mock) as addresses:
            yield addresses
        return
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="api-", dir=guardian().folder))
        )
        if api is Api.ABRUPT:
            async with abrupt(mock, folder) as addresses:
                yield addresses
            return
        if api is Api.UNTRUSTED:
            import trustme  # noqa: PLC0415, takes 50 ms that most runs need not spend

            ca = folder / "ca.pem"
            trustme.CA().cert_pem.write_to_path(ca)
            yield replace(mock, ca_file=str(ca))
            return
        tcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        tcp.bind(("127.0.0.1", 0))
        unix = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        unix.bind(str(folder / "api.sock"))
        place = f"127.0.0.1:{tcp.getsockname()[1]}/v1"
        if api is Api.SILENT:
            for each in (tcp, unix):
                each.listen(QUEUE)
        elif api is Api.UNREACHABLE:
            # A full queue drops every SYN, as an absent host does.
            for each in (tcp, unix):
                each.listen(0)
                filler = stack.enter_context(socket.socket(each.family, socket.SOCK_STREAM))
                filler.connect(each.getsockname())
        yield replace(
            mock, http=f"http://{place}", https=f"https://{place}", socket=str(folder / "api.sock")
        )
