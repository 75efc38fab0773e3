"""The common part of all routes: the user, the language, forms, pages and JSON."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from spaces_website.accounts import Accounts, stamp
from spaces_website.tables import User
from spaces_website.texts import Language, Translate, choose, translator
from spaces_website.variant import Variant

LARGEST_FIELD = 256 * 1024
"""Limit of one text in a form, in bytes. A prompt may be long."""
MOST_FIELDS = 40
MOST_FILES = 4


class Json(JSONResponse):
    """JSON in ASCII, which can also represent half a surrogate pair from an app."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode("ascii")


class Pages:
    """Renders templates for the user of a request."""

    def __init__(self, accounts: Accounts, variant: Variant) -> None:
        self._accounts = accounts
        self._variant = variant
        folder = Path(__file__).parent / "templates"
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.filters["shell"] = shlex.quote

    def user(self, request: Request) -> User | None:
        """The user who is logged in."""
        number = request.session.get("user")
        user = self._accounts.find(number) if isinstance(number, int) else None
        return user if user and request.session.get("stamp") == stamp(user) else None

    def log_in(self, request: Request, user: User) -> None:
        """Begin a session."""
        request.session.clear()
        request.session.update(user=user.id, stamp=stamp(user))

    def admin(self, request: Request) -> User | Response:
        """The admin who sends the request, or the redirect for all others."""
        user = self.user(request)
        if user is None:
            return redirect("/login")
        return user if user.admin else redirect("/")

    def page(
        self, request: Request, template: str, *, status: int = 200, **context: object
    ) -> HTMLResponse:
        """A page."""
        language = language_of(request)
        content = self._templates.get_template(template).render(
            t=translator(language),
            lang=language.value,
            user=self.user(request),
            variant=self._variant,
            base=str(request.base_url).rstrip("/"),
            **context,
        )
        return HTMLResponse(content, status, {"Vary": "Accept-Language"})

    def error(self, request: Request, text: str, status: int) -> HTMLResponse:
        """A page for an error, with the website's frame and a link to its home page."""
        message = texts_for(request)(text)
        return self.page(request, "error.html", status=status, code=status, message=message)


def language_of(request: Request) -> Language:
    """The language that the browser prefers."""
    return choose(request.headers.get("accept-language"))


def texts_for(request: Request) -> Translate:
    """The texts in the language that the browser prefers."""
    return translator(language_of(request))


def redirect(address: str) -> RedirectResponse:
    """A redirect to another page, which the browser loads with GET."""
    return RedirectResponse(address, status_code=302)


def error(message: str, status: int, **more: object) -> Json:
    """A refusal as JSON without `success`."""
    return Json({"error": message, **more}, status)


async def read_form(request: Request) -> tuple[Mapping[str, str], Mapping[str, UploadFile]]:
    """The texts and the files of a form. The last value of a name counts.

    Raises HTTPException: 400 if the form cannot be parsed, 413 if it is too large.
    """
    try:
        form = await request.form(
            max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=LARGEST_FIELD
        )
    except FormParserError as problem:
        raise HTTPException(400, "The form cannot be read") from problem
    texts: dict[str, str] = {}
    files: dict[str, UploadFile] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            files[name] = value
        else:
            texts[name] = value.encode("utf-8", "replace").decode()
    return texts, files
