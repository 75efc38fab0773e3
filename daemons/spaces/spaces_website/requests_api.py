"""The routes of requests: submit, status, upload, files.

The checks of a submission have the protocol's order. The checks that need the session
only come before the body is read. Reading and storing files takes time, and the app may
leave meanwhile. The route therefore checks at the end again whether it is connected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spaces_website.allowance import Allowance, TooSoon, UsedUp
from spaces_website.broker import Broker
from spaces_website.catalog import Catalog
from spaces_website.clock import Clock
from spaces_website.expiry import Expiry
from spaces_website.files import Files
from spaces_website.ledger import Ledger, new_id
from spaces_website.page import Json, Pages, error, read_form, texts_for
from spaces_website.tables import WEBSOCKETS
from spaces_website.variant import Variant

FILE_FIELDS = ("audio_file", "video_file", "other_file")


class RequestsApi:
    """The routes of requests."""

    def __init__(
        self,
        pages: Pages,
        catalog: Catalog,
        allowance: Allowance,
        ledger: Ledger,
        broker: Broker,
        expiry: Expiry,
        files: Files,
        clock: Clock,
        variant: Variant,
    ) -> None:
        self._pages = pages
        self._catalog = catalog
        self._allowance = allowance
        self._ledger = ledger
        self._broker = broker
        self._expiry = expiry
        self._files = files
        self._clock = clock
        self._variant = variant

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/websockets/submit/{space_id}", self.submit, methods=["POST"]),
            Route("/websockets/status", self.status),
            Route("/api/upload", self.upload, methods=["POST"]),
            Route("/files/{key}", self.file),
        ]

    async def submit(self, request: Request) -> Response:
        """Add a request to a space's queue and send it to the space's app."""
        t = texts_for(request)
        user = self._pages.user(request)
        if user is None:
            return error(t("not_logged_in"), 401)
        space = self._catalog.find(request.path_params["space_id"])
        if space is None or space.card_type != WEBSOCKETS:
            return error(t("wrong_space"), 404)
        if self._broker.connection(space.id) is None:
            also = " (remote app not connected)" if self._variant.english_refusal else ""
            return error(t("no_app") + also, 503)
        try:
            fields, uploads = await read_form(request)
        except HTTPException as problem:
            return error(t("bad_form"), problem.status_code)
        prompt, audio = fields.get("prompt", ""), fields.get("audio_url", "").strip()
        sent = {name: uploads[name] for name in FILE_FIELDS if _is_file(uploads.get(name))}
        if not self._variant.audio_required and not (prompt.strip() or audio or sent):
            return error(t("nothing_asked"), 400)
        match self._allowance.spend(user, space):
            case TooSoon(seconds):
                return error(t("too_soon", seconds=seconds), 429, retry_after=seconds)
            case UsedUp(limit):
                return error(f"Usage limit reached for today. (Limit: {limit})", 403)
        if self._variant.audio_required and not audio:
            return error(t("audio_missing"), 400)
        request_id = new_id()
        files = await self._keep(request, request_id, sent) if self._variant.files_forwarded else []
        if self._broker.connection(space.id) is None:
            return error("Space not connected", 500)
        self._ledger.accept(request_id, space, user, self._payload(prompt, audio, files))
        self._expiry.watch()
        await self._broker.offer(space.id)
        return Json({"success": True, "request_id": request_id})

    async def status(self, request: Request) -> Response:
        """The status of a request, for each client that knows its id."""
        request_id = request.query_params.get("request_id", "")
        if not request_id:
            return error("Missing request_id", 400)
        stored = self._ledger.find(request_id)
        if stored is None:
            return error("Request not found", 404)
        return Json(
            {
                "request_id": stored.id,
                "status": stored.status,
                "result": stored.result,
                "created_at": stored.created_at.isoformat(),
                "updated_at": stored.updated_at.isoformat() if stored.updated_at else None,
            }
        )

    async def upload(self, request: Request) -> Response:
        """Store a file from an app for a request."""
        try:
            fields, uploads = await read_form(request)
        except HTTPException as problem:
            return error(texts_for(request)("bad_form"), problem.status_code)
        request_id = fields.get("request_id", "")
        if not request_id:
            return error("Missing request_id", 401)
        stored_request = self._ledger.find(request_id)
        owner = stored_request.username if stored_request else ""
        if stored_request is None or fields.get("username", owner) != owner:
            return error("Unknown request_id or wrong username", 403)
        file = uploads.get("file")
        if file is None or not _is_file(file):
            return error("Missing file", 400)
        stored = await self._files.keep(stored_request.id, file)
        if stored is None:
            return error("Too many files for this request", 400)
        address = str(request.url_for("file", key=stored.key))
        return Json(
            {
                "success": True,
                "url": address,
                "file_url": address,
                "key": stored.key,
                "filename": stored.filename,
            }
        )

    async def file(self, request: Request) -> Response:
        """A file, for each client that knows its key."""
        file = self._files.response(request.path_params["key"])
        return file or self._pages.error(request, "file_missing", 404)

    def _payload(self, prompt: str, audio: str, files: list[dict[str, Any]]) -> dict[str, Any]:
        """A request in the form that its app receives."""
        payload: dict[str, Any] = {
            "prompt": prompt,
            "timestamp": self._clock.now().isoformat(),
            "audio": audio,
        }
        return payload | ({"files": files} if self._variant.files_forwarded else {})

    async def _keep(
        self, request: Request, request_id: str, sent: Mapping[str, UploadFile]
    ) -> list[dict[str, Any]]:
        """Store a request's files and return their descriptions for the app."""
        described = []
        for name, upload in sent.items():
            stored = await self._files.keep(request_id, upload)
            if stored is not None:
                described.append(
                    {
                        "field": name,
                        "filename": stored.filename,
                        "content_type": stored.content_type,
                        "size": stored.size,
                        "url": str(request.url_for("file", key=stored.key)),
                    }
                )
        return described


def _is_file(upload: UploadFile | None) -> bool:
    """Whether the user chose a file. An empty field of a form has neither name nor content."""
    return upload is not None and bool(upload.filename)
