"""The website with all its parts.

    Farewell ─ Socket.IO ──────────────► Sockets ──► Broker ──► Ledger, Catalog
            └─ body limit ─ Browsers ─ sessions ─► Visitors, Admins, RequestsApi
                                                      Accounts, Allowance, Files

`Site` creates every part. A class attribute names the class of each part, so a subclass
can replace one (a test, a website with a fault). Nothing is global: two sites in one
process are independent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from spaces_website.accounts import Accounts
from spaces_website.admins import Admins
from spaces_website.allowance import Allowance
from spaces_website.broker import Broker
from spaces_website.browsers import Browsers
from spaces_website.catalog import Catalog
from spaces_website.clock import Clock, SystemClock
from spaces_website.config import Config
from spaces_website.database import Database
from spaces_website.expiry import Expiry
from spaces_website.farewell import Farewell
from spaces_website.files import Files
from spaces_website.ledger import Ledger
from spaces_website.page import Pages
from spaces_website.requests_api import RequestsApi
from spaces_website.secret import session_key
from spaces_website.sockets import Sockets
from spaces_website.visitors import Visitors


class Site:
    """One website."""

    accounts_type = Accounts
    admins_type = Admins
    allowance_type = Allowance
    broker_type = Broker
    browsers_type = Browsers
    catalog_type = Catalog
    expiry_type = Expiry
    farewell_type = Farewell
    files_type = Files
    ledger_type = Ledger
    pages_type = Pages
    requests_api_type = RequestsApi
    sockets_type = Sockets
    visitors_type = Visitors

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        variant, limit = config.variant, config.request_timeout
        self.config = config
        self.database = Database(config.data)
        self.accounts = self.accounts_type(self.database, clock)
        self.allowance = self.allowance_type(
            self.database, clock, quotas=config.quotas, cooldown=config.cooldown
        )
        self.catalog = self.catalog_type(self.database, clock)
        self.files = self.files_type(self.database, config.data / "files")
        self.ledger = self.ledger_type(
            self.database, clock, time_limit=limit, drains=variant.queue_drains
        )
        self.expiry = self.expiry_type(self.ledger, clock, time_limit=limit)
        self.sockets = self.sockets_type(
            ping_interval=config.ping_interval, ping_timeout=config.ping_timeout
        )
        self.broker = self.broker_type(self.catalog, self.ledger, clock, self.sockets)
        self.pages = self.pages_type(self.accounts, variant)
        self.visitors = self.visitors_type(
            self.pages, self.accounts, self.catalog, self.ledger, self.broker, self.allowance
        )
        self.admins = self.admins_type(self.pages, self.accounts, self.catalog, self.broker, config)
        self.requests_api = self.requests_api_type(
            self.pages,
            self.catalog,
            self.allowance,
            self.ledger,
            self.broker,
            self.expiry,
            self.files,
            clock,
            variant,
        )
        self.sockets.serve(self.broker)
        self.application = self.farewell_type(
            self.sockets.application(self._website()), self.sockets.abandon
        )
        """The ASGI application."""

    async def stop(self) -> None:
        """Close the apps' connections, after the website has stopped accepting new ones."""
        await self.sockets.stop()
        await self.application.say()

    def _website(self) -> Starlette:
        config = self.config
        assets = StaticFiles(directory=Path(__file__).parent / "static")
        routes = [*self.visitors.routes(), *self.admins.routes(), *self.requests_api.routes()]
        return Starlette(
            routes=[*routes, Mount("/static", assets)],
            lifespan=self._life,
            exception_handlers={404: self._missing},
            middleware=[
                Middleware(RequestBodyLimitMiddleware, max_body_size=config.max_upload),
                Middleware(self.browsers_type, trusted=config.trusted_origins),
                Middleware(
                    SessionMiddleware,
                    secret_key=config.secret or session_key(config.data),
                    same_site="lax",
                    https_only=config.secure_cookies,
                ),
            ],
        )

    @asynccontextmanager
    async def _life(self, _website: Starlette) -> AsyncIterator[None]:
        """Requeue the requests of the last process, then watch the deadlines."""
        self.ledger.release()
        if self.config.admin is not None:
            await self.accounts.make_admin(self.config.admin.name, self.config.admin.password)
        watch = asyncio.create_task(self.expiry.run())
        try:
            yield
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
            self.database.close()

    async def _missing(self, request: Request, _error: Exception) -> Response:
        return self.pages.error(request, "page_missing", 404)
