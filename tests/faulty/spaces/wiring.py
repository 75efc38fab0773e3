"""The website with its parts replaced; faults of its process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any

import spaces_website.__main__
import spaces_website.site
import uvicorn
from answering import (
    FaultyAdmins,
    FaultyBrowsers,
    FaultyPages,
    FaultyRequestsApi,
    FaultyVisitors,
)
from keeping import FaultyAccounts, FaultyAllowance, FaultyCatalog, FaultyFiles, FaultyLedger
from serving import FaultyBroker, FaultyFarewell, FaultySockets
from spaces_website.__main__ import Server, serve
from spaces_website.site import Site
from starlette.middleware.sessions import SessionMiddleware
from switch import fault

__all__ = ["FaultySite", "serve"]


class FaultySite(Site):
    """The website, made of faulty parts."""

    accounts_type = FaultyAccounts
    admins_type = FaultyAdmins
    allowance_type = FaultyAllowance
    broker_type = FaultyBroker
    browsers_type = FaultyBrowsers
    catalog_type = FaultyCatalog
    farewell_type = FaultyFarewell
    files_type = FaultyFiles
    ledger_type = FaultyLedger
    pages_type = FaultyPages
    requests_api_type = FaultyRequestsApi
    sockets_type = FaultySockets
    visitors_type = FaultyVisitors

    async def stop(self) -> None:
        """Stop serving."""
        if fault("restart_keeps_holders"):
            self.broker.left = lambda _: None  # type: ignore[method-assign,assignment]
        await super().stop()


class FaultyServer(Server):
    """The server; a fault ends it as uvicorn does."""

    def __init__(self, config: uvicorn.Config, site: Site) -> None:
        if fault("silence_tolerated"):
            config.ws_ping_interval = None  # its pings would end the connection after forty seconds
        super().__init__(config, site)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals."""
        if fault("stops_as_uvicorn"):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with super().capture_signals():
            yield

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Close the connections."""
        if fault("stops_as_uvicorn"):
            await uvicorn.Server.shutdown(self, sockets)
        else:
            await super().shutdown(sockets)


class FaultySession(SessionMiddleware):
    """Keeps sessions in cookies."""

    def __init__(self, *args: Any, **options: Any) -> None:
        if fault("session_for_all_sites"):
            options["same_site"] = "none"
        super().__init__(*args, **options)


spaces_website.__main__.Server = FaultyServer  # type: ignore[misc]
spaces_website.site.SessionMiddleware = FaultySession  # type: ignore[attr-defined]
