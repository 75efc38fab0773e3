"""Routes and pages with faults."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from itertools import count
from typing import Any

import jinja2
from spaces_website import page, requests_api
from spaces_website.accounts import Accounts
from spaces_website.admins import Admins
from spaces_website.allowance import Left
from spaces_website.browsers import Browsers
from spaces_website.ledger import new_id
from spaces_website.page import Json, Pages, error, read_form, redirect
from spaces_website.requests_api import RequestsApi
from spaces_website.tables import Status, User
from spaces_website.texts import Language
from spaces_website.variant import Variant
from spaces_website.visitors import Visitors
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from switch import fault


class FaultyPages(Pages):
    """Renders templates."""

    _first: dict[str, object] = {}  # noqa: RUF012 - one website a process

    def __init__(self, accounts: Accounts, variant: Variant) -> None:
        super().__init__(accounts, variant)
        if fault("names_unescaped"):
            self._templates = jinja2.Environment(
                loader=self._templates.loader,
                autoescape=False,  # noqa: S701
                undefined=jinja2.StrictUndefined,
            )
            self._templates.filters["shell"] = str

    def page(
        self, request: Request, template: str, *, status: int = 200, **context: object
    ) -> HTMLResponse:
        """Render a page."""
        if fault("page_always_connected") and template == "space.html":
            context["connected"] = self._first.setdefault(request.url.path, context["connected"])
        if fault("form_for_strangers") and template == "space.html" and not self.user(request):
            self.user = lambda _: User(name="guest", admin=False)  # type: ignore[method-assign]
            context["left"] = Left(5, 5)
        try:
            return super().page(request, template, status=status, **context)
        finally:
            vars(self).pop("user", None)


class FaultyRequestsApi(RequestsApi):
    """Routes of requests."""

    _number = 0

    async def submit(self, request: Request) -> Response:
        """Submit a request."""
        user = self._pages.user(request)
        space = self._catalog.find(request.path_params["space_id"])
        app = self._broker.connection(space.id) if space else None
        if fault("stranger_redirected") and user is None:
            return redirect("/login")
        if fault("app_before_space") and user is not None and app is None:
            return error("远程应用未连接 (remote app not connected)", 503)
        if fault("queued_without_app") and user and space and app is None:
            number = new_id()
            form = await request.form()
            self._ledger.accept(number, space, user, self._payload(str(form["prompt"]), "", []))
            return Json({"success": True, "request_id": number})
        if fault("prompt_required_to_sing") and user and app:
            form = await request.form()
            if not form.get("audio_url"):
                return error("缺少音频直链", 400)
        reply = await super().submit(request)
        if fault("refusals_reworded") and reply.status_code in (404, 503):
            return error("this cannot be submitted now", reply.status_code)
        return reply

    async def status(self, request: Request) -> Response:
        """Answer a status query."""
        if fault("ids_parsed") and request.query_params.get("request_id"):
            uuid.UUID(request.query_params["request_id"])
        reply = await super().status(request)
        if fault("unknown_is_queued") and reply.status_code == 404:
            number = request.query_params["request_id"]
            return Json({"request_id": number, "status": Status.QUEUED, "result": None})
        return reply

    async def upload(self, request: Request) -> Response:
        """Take an upload."""
        reply = await super().upload(request)
        if fault("upload_for_anything") and reply.status_code == 403:
            return Json({"success": True, "url": "/", "file_url": "/", "key": "", "filename": ""})
        return reply

    def _payload(self, prompt: str, audio: str, files: list[dict[str, Any]]) -> dict[str, Any]:
        return super()._payload(prompt, audio, [] if fault("files_unnamed") else files)


class FaultyVisitors(Visitors):
    """Routes for visitors and users."""

    async def log_in(self, request: Request) -> Response:
        """Log a user in."""
        reply = await super().log_in(request)
        if request.method == "POST" and fault("bad_login_redirects"):
            reply = reply if reply.status_code == 302 else redirect("/")
        return reply


class FaultyAdmins(Admins):
    """Routes for admins."""

    async def add(self, request: Request) -> Response:
        """Add a space."""
        if fault("names_unique") and request.method == "POST":
            name = (await request.form()).get("name")
            if name in {space.name for space in self._catalog.all()}:
                return error("there is a space of this name", 409)
        return await super().add(request)

    async def status(self, request: Request) -> Response:
        """List the connections."""
        if fault("connections_public"):
            self._pages.admin = lambda _: User(name="anybody")  # type: ignore[method-assign,assignment]
        try:
            reply = await super().status(request)
        finally:
            vars(self._pages).pop("admin", None)
        if fault("connections_unlisted") and isinstance(reply, Json):
            return Json(json.loads(reply.body) | {"connections": []})
        return reply


class FaultyBrowsers(Browsers):
    """Refuses posts of other sites' pages."""

    def trusts(self, headers: Headers) -> bool:
        """Whether the website trusts a post's origin."""
        if fault("origin_ignored"):
            return True
        if fault("origin_refused") and "origin" in headers:
            return False
        if fault("origin_demanded") and "origin" not in headers:
            return False
        return super().trusts(headers)


async def _read_carelessly(request: Request) -> tuple[Mapping[str, str], Mapping[str, UploadFile]]:
    try:
        return await read_form(request)
    except HTTPException as error:
        raise RuntimeError("the form cannot be read") from error


def _refusal(message: str, status: int, **more: object) -> Json:
    return error(message, status, success=False, **more)


if fault("refusals_have_success"):
    requests_api.error = _refusal  # type: ignore[attr-defined]
if fault("form_errors_uncaught"):
    requests_api.read_form = _read_carelessly  # type: ignore[attr-defined]
if fault("results_are_pages"):
    Json.media_type = "text/html"
if fault("chinese_only"):
    page.choose = lambda _: Language.CHINESE  # type: ignore[attr-defined,assignment]
if fault("ids_are_numbers"):
    numbers = count(time.time_ns())
    requests_api.new_id = lambda: f"{next(numbers):036d}"  # type: ignore[attr-defined]
