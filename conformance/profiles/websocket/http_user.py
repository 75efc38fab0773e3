"""An HTTP user of a website: a browser or a script, with cookies of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.core.finding import FindingKind
from conformance.core.quoting import excerpt
from conformance.profiles.websocket.checking import Checking, Note
from conformance.profiles.websocket.page import Page

if TYPE_CHECKING:
    import httpx

File = tuple[str, bytes, str]
"""A file to upload: its name, content and type."""

_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Reply:
    """The website's answer to one request."""

    request: str
    """`METHOD path`."""
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> dict[str, Any]:
        """The body, if it is a JSON object; an empty one otherwise."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def page(self) -> Page:
        """The body as a page."""
        return Page(self.text)

    @property
    def location(self) -> str:
        """The path that a redirect leads to; empty for other answers."""
        if self.status not in _REDIRECTS:
            return ""
        return str(urlsplit(self.headers.get("location", "")).path)

    def __str__(self) -> str:
        where = f" to {self.headers['location']}" if "location" in self.headers else ""
        return f"{self.status}{where} {excerpt(self.text, 160)}"


class HttpUser(Checking):
    """One user's requests to one website."""

    def __init__(
        self,
        name: str,
        url: str,
        transport: httpx.AsyncBaseTransport,
        *,
        deadline: float,
        note: Note,
        log: Callable[[str], None],
    ) -> None:
        """Prepare a user. deadline: absolute, time.monotonic(). log: takes a line a request."""
        super().__init__(note)
        self.name = name
        self.url = url
        self.unanswered: str | None = None
        """The clause that a missing answer breaks; None where the profile decides."""
        self._log = log
        self._deadline = deadline
        import httpx  # noqa: PLC0415 - listing scenarios does not need it

        # All users share the transport, so that one user's end does not close it.
        self._client = httpx.AsyncClient(base_url=url, transport=transport, trust_env=False)

    @property
    def cookies(self) -> httpx.Cookies:
        """The cookies that the website has set."""
        return self._client.cookies

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Fetch a page. Raises ScenarioStopped if no answer arrives."""
        return await self._ask("GET", path, headers=headers)

    async def post(
        self,
        path: str,
        fields: Mapping[str, str] | None = None,
        *,
        files: Mapping[str, File] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Reply:
        """Send a form, or `content` as it is. Raises ScenarioStopped if no answer arrives."""
        return await self._ask(
            "POST", path, data=fields, files=files, headers=headers, content=content
        )

    async def _ask(self, method: str, path: str, **parts: Any) -> Reply:
        import httpx  # noqa: PLC0415

        timeout = max(0.05, self._deadline - time.monotonic())
        try:
            answer = await self._client.request(method, path, timeout=timeout, **parts)
        except httpx.HTTPError as error:
            problem = str(error) or type(error).__name__
            self._log(f"  {self.name:12} {method} {path} → {problem}")
            raise self.failed(
                "answers",
                expected=f"an answer to {method} {path}",
                actual=problem,
                clause=self.unanswered,
                kind=FindingKind.NOT_SERVED,
            ) from None
        reply = Reply(f"{method} {path}", answer.status_code, answer.headers, answer.content)
        self._log(f"  {self.name:12} {reply.request} → {reply}")
        return reply

    def where(self, actual: object) -> str:
        """The request of a reply; the user's name for anything else."""
        return actual.request if isinstance(actual, Reply) else self.name

    def redirected(self, reply: Reply, path: str, *, clause: str | None = None) -> bool:
        """Check that a reply redirects to this path; return whether it does."""
        return self.check(
            reply.location == path,
            "redirected",
            expected=f"a redirect to {path}",
            actual=reply,
            clause=clause,
        )
