"""The admins' pages: they create and change spaces and show connections."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spaces_website.accounts import Accounts
from spaces_website.broker import Broker
from spaces_website.catalog import Catalog, SpaceForm
from spaces_website.config import Config
from spaces_website.page import Json, Pages, read_form, redirect
from spaces_website.tables import WEBSOCKETS, Status

EMPTY = SpaceForm.read({"card_type": WEBSOCKETS, "ws_enable_prompt": "on"})
"""The form of a new space."""


class Admins:
    """The admins' routes. Other visitors are redirected."""

    def __init__(
        self, pages: Pages, accounts: Accounts, catalog: Catalog, broker: Broker, config: Config
    ) -> None:
        self._pages = pages
        self._accounts = accounts
        self._catalog = catalog
        self._broker = broker
        self._config = config

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/admin/", self.overview),
            Route("/admin/space/add", self.add, methods=["GET", "POST"]),
            Route("/admin/space/edit/{space_id}", self.edit, methods=["GET", "POST"]),
            Route("/admin/users/{username}/plan", self.plan, methods=["POST"]),
            Route("/admin/websockets/status", self.status),
        ]

    async def overview(self, request: Request) -> Response:
        """All spaces with their apps and queues, and all users."""
        if isinstance(sent := self._pages.admin(request), Response):
            return sent
        spaces = self._catalog.all()
        queues = self._broker.queues(space.id for space in spaces)
        return self._pages.page(
            request,
            "admin.html",
            spaces=spaces,
            connected={app.space.id for app in self._broker.connections()},
            sizes={space: len(queue) for space, queue in queues.items()},
            users=self._accounts.all(),
            plans=list(self._config.quotas),
        )

    async def add(self, request: Request) -> Response:
        """Create a space."""
        if isinstance(sent := self._pages.admin(request), Response):
            return sent
        if request.method != "POST":
            return self._form(request, EMPTY, None)
        form = SpaceForm.read((await read_form(request))[0])
        if not form.name:
            return self._form(request, form, None, problem="name_required")
        return redirect(f"/admin/space/edit/{self._catalog.add(form).id}")

    async def edit(self, request: Request) -> Response:
        """Change a space."""
        if isinstance(sent := self._pages.admin(request), Response):
            return sent
        space = self._catalog.find(request.path_params["space_id"])
        if space is None:
            return self._pages.error(request, "space_missing", 404)
        if request.method != "POST":
            return self._form(request, space, space.id)
        form = SpaceForm.read((await read_form(request))[0])
        if not form.name:
            return self._form(request, form, space.id, problem="name_required")
        self._catalog.change(space.id, form)
        return self._form(request, form, space.id, saved=True)

    async def plan(self, request: Request) -> Response:
        """Change a user's plan."""
        if isinstance(sent := self._pages.admin(request), Response):
            return sent
        plan = (await read_form(request))[0].get("plan", "")
        name = request.path_params["username"]
        if plan not in self._config.quotas or not self._accounts.set_plan(name, plan):
            return self._pages.error(request, "plan_missing", 400)
        return redirect("/admin/")

    async def status(self, request: Request) -> Response:
        """The connected apps and all WebSocket spaces, as JSON."""
        if isinstance(sent := self._pages.admin(request), Response):
            return sent
        spaces = [space for space in self._catalog.all() if space.card_type == WEBSOCKETS]
        queues = self._broker.queues(space.id for space in spaces)
        apps = self._broker.connections()
        connections = [
            {
                "space_id": app.space.id,
                "space_name": app.space.name,
                "connection_id": app.id,
                "connected_at": app.connected_at.isoformat(),
                "queue_size": len(queues[app.space.id]),
                "is_processing": self._config.variant.queue_drains
                and any(place.status == Status.PROCESSING for place in queues[app.space.id]),
            }
            for app in apps
        ]
        connected = {app.space.id for app in apps}
        all_spaces = [
            {
                "space_id": space.id,
                "space_name": space.name,
                "is_connected": space.id in connected,
                "queue_size": len(queues[space.id]),
            }
            for space in spaces
        ]
        return Json(
            {
                "success": True,
                "connected_count": len(connections),
                "total_ws_spaces": len(all_spaces),
                "connections": connections,
                "all_spaces": all_spaces,
            }
        )

    def _form(
        self,
        request: Request,
        form: object,
        space_id: str | None,
        *,
        problem: str | None = None,
        saved: bool = False,
    ) -> Response:
        return self._pages.page(
            request,
            "space_form.html",
            form=form,
            space_id=space_id,
            problem=problem,
            saved=saved,
            standard=("standard", WEBSOCKETS),
        )
