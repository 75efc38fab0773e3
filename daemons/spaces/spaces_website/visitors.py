"""The public pages: all spaces, one space, login, registration and logout."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spaces_website.accounts import Accounts, Refusal
from spaces_website.allowance import Allowance
from spaces_website.broker import Broker
from spaces_website.catalog import Catalog
from spaces_website.ledger import Ledger
from spaces_website.page import Json, Pages, read_form, redirect, texts_for
from spaces_website.tables import WEBSOCKETS, Status

RECENT = 8
"""The number of a user's requests on a space's page."""


SCRIPT_WORDS = (
    *(f"state_{status}" for status in Status),
    *("failed", "timed_out", "no_answer", "sending", "details", "your_place"),
)


class Visitors:
    """The routes for visitors and users."""

    def __init__(
        self,
        pages: Pages,
        accounts: Accounts,
        catalog: Catalog,
        ledger: Ledger,
        broker: Broker,
        allowance: Allowance,
    ) -> None:
        self._pages = pages
        self._accounts = accounts
        self._catalog = catalog
        self._ledger = ledger
        self._broker = broker
        self._allowance = allowance

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/", self.home),
            Route("/words", self.words),
            Route("/login", self.log_in, methods=["GET", "POST"]),
            Route("/register", self.register, methods=["GET", "POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
            Route("/ai_project/{space_id}", self.space),
            Route("/ai_project/{space_id}/live", self.live),
        ]

    async def home(self, request: Request) -> Response:
        """All spaces."""
        connected = {app.space.id for app in self._broker.connections()}
        return self._pages.page(
            request, "home.html", spaces=self._catalog.all(), connected=connected
        )

    async def words(self, request: Request) -> Response:
        """The texts of the script on a space's page."""
        t = texts_for(request)
        return Json({name: t(name) for name in SCRIPT_WORDS}, headers={"Vary": "Accept-Language"})

    async def log_in(self, request: Request) -> Response:
        """Log a user in."""
        if request.method != "POST":
            return self._pages.page(request, "login.html", problem=None, name="")
        fields, _ = await read_form(request)
        name = fields.get("username", "")
        user = await self._accounts.log_in(name, fields.get("password", ""))
        if user is None:
            return self._pages.page(request, "login.html", problem="invalid_credentials", name=name)
        self._pages.log_in(request, user)
        return redirect("/")

    async def register(self, request: Request) -> Response:
        """Create an account."""
        if request.method != "POST":
            return self._pages.page(request, "register.html", problem=None, name="")
        fields, _ = await read_form(request)
        name = fields.get("username", "")
        account = await self._accounts.register(name, fields.get("password", ""))
        if isinstance(account, Refusal):
            return self._pages.page(request, "register.html", problem=account.value, name=name)
        return redirect("/login")

    async def log_out(self, request: Request) -> Response:
        """Log the user out."""
        request.session.clear()
        return redirect("/")

    async def space(self, request: Request) -> Response:
        """One space: its status, its form, and the user's requests."""
        space = self._catalog.find(request.path_params["space_id"])
        if space is None:
            return self._pages.error(request, "space_missing", 404)
        user = self._pages.user(request)
        return self._pages.page(
            request,
            "space.html",
            space=space,
            served=space.card_type == WEBSOCKETS,
            connected=self._broker.connection(space.id) is not None,
            queue=self._broker.queue(space.id),
            recent=self._ledger.recent(space.id, user.id, RECENT) if user else (),
            left=self._allowance.left(user) if user else None,
        )

    async def live(self, request: Request) -> Response:
        """The live part of a space's page. Admins see all places, users see their own."""
        space = self._catalog.find(request.path_params["space_id"])
        if space is None:
            return Json({"error": texts_for(request)("space_missing")}, 404)
        user = self._pages.user(request)
        queue = self._broker.queue(space.id)
        seen = [
            {
                "position": place.position,
                "username": place.username,
                "id": place.request_id[:8],
                "status": place.status,
            }
            for place in queue
            if user and (user.admin or place.username == user.name)
        ]
        connected = self._broker.connection(space.id) is not None
        return Json({"connected": connected, "queue_size": len(queue), "queue": seen})
