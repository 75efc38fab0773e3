"""A person who uses a website: a browser's user, or a script, with a cookie jar of their own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conformance.core.finding import Finding, FindingKind, ScenarioStopped
from conformance.core.quoting import excerpt
from conformance.profiles.websocket.chat import Note
from conformance.profiles.websocket.page import Page

if TYPE_CHECKING:
    import httpx

File = tuple[str, bytes, str]
"""A file as it is uploaded: its name, content and type."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the website answered."""

    asked: str
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
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def page(self) -> Page:
        """The body as a page."""
        return Page(self.text)

    @property
    def location(self) -> str:
        """The path that it redirects to; empty if it does not."""
        return urlsplit(self.headers.get("location", "")).path if self.status in _AWAY else ""

    def __str__(self) -> str:
        where = f" to {self.headers['location']}" if "location" in self.headers else ""
        return f"{self.status}{where} {excerpt(self.text, 160)}"


_AWAY = range(300, 400)


class Person:
    """Somebody's requests, one website's."""

    def __init__(
        self,
        name: str,
        url: str,
        transport: httpx.AsyncBaseTransport,
        *,
        deadline: float,
        note: Note,
    ) -> None:
        """`deadline`: absolute, time.monotonic()."""
        self.name = name
        self.url = url
        self.log: Callable[[str], None] = lambda _line: None
        self.unanswered = ""
        """The clause that no answer at all violates; empty for the profile's first."""
        self._note = note
        self._deadline = deadline
        import httpx  # noqa: PLC0415 - whoever lists scenarios need not load it

        # The transport is everybody's; closing it is not one person's to do.
        self._client = httpx.AsyncClient(base_url=url, transport=transport, trust_env=False)

    @property
    def cookies(self) -> httpx.Cookies:
        """What the website has given this person to keep."""
        return self._client.cookies

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """Fetch a page. Raises ScenarioStopped where there is no answer."""
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
        """Send a form (or `content` as it is). Raises ScenarioStopped where there is no answer."""
        return await self._ask(
            "POST", path, data=fields, files=files, headers=headers, content=content
        )

    async def _ask(self, method: str, path: str, **how: Any) -> Reply:
        import httpx  # noqa: PLC0415

        began = time.monotonic()
        timeout = max(0.05, self._deadline - began)
        try:
            reply = await self._client.request(method, path, timeout=timeout, **how)
        except httpx.HTTPError as error:
            problem = str(error) or type(error).__name__
            self.log(f"  {self.name:12} {method} {path} → {problem}")
            clause = self.unanswered or None
            kind = FindingKind.NOT_SERVED
            finding = Finding("answers", "an answer", problem, f"{method} {path}", clause, kind)
            raise ScenarioStopped(self._note(finding)) from None
        found = Reply(f"{method} {path}", reply.status_code, reply.headers, reply.content)
        self.log(f"  {self.name:12} {found.asked} → {found}")
        return found

    # Checks

    def expect(self, holds: bool, reply: Reply, *, check: str, clause: str, expected: str) -> bool:
        """Note a failed check of an answer unless it holds; return whether it does."""
        if not holds:
            self._note(Finding(check, expected, str(reply), reply.asked, clause))
        return holds

    def refuted(self, reply: Reply, *, check: str, clause: str, expected: str) -> ScenarioStopped:
        """Note a failed check that ends the scenario."""
        finding = Finding(check, expected, str(reply), reply.asked, clause)
        return ScenarioStopped(self._note(finding))

    def failed(self, *, check: str, clause: str, expected: str, actual: str) -> ScenarioStopped:
        """Note what is wrong with more than one answer, and ends the scenario."""
        return ScenarioStopped(self._note(Finding(check, expected, actual, self.name, clause)))

    async def redirected(self, reply: Reply, path: str, *, clause: str) -> bool:
        """Check that an answer sends its reader to this path."""
        expected = f"a redirect to {path}"
        return self.expect(
            reply.location == path, reply, check="redirected", clause=clause, expected=expected
        )
