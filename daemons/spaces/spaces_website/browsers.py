"""What browsers are told, and what is believed of them.

Forms carry no token: the website's scripts post without one. So other sites
are kept out by two things that a browser does and no page can undo. The
session's cookie is SameSite, and a request that changes something names the
page that it comes from: an `Origin` that is not the website's, or a
`Sec-Fetch-Site` of another site, is refused with 403. A request that has
neither does not come from a browser's page.

Every answer tells the browser to run the website's own scripts and styles and
no others, so that a name that is a script would stay a text even if a
template forgot to escape it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
RULES = {
    # Results may show pictures and sound from where the app put them.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' https: http: data:; media-src 'self' https: http:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PORTS = {"http": ":80", "https": ":443"}


class Browsers:
    """Refuses what other sites' pages post; adds the rules to each answer."""

    def __init__(self, app: ASGIApp, trusted: tuple[str, ...] = ()) -> None:
        self._app = app
        self._trusted = frozenset(trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def rule(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in RULES.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["method"] in SAFE or self.trusts(Headers(scope=scope)):
            await self._app(scope, receive, rule)
        else:
            refusal = PlainTextResponse("A page of another site sent this.\n", status_code=403)
            await refusal(scope, receive, rule)

    def trusts(self, headers: Headers) -> bool:
        """Whether a request that changes something may come from where it comes from."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
        if origin.lower() in self._trusted:
            return True
        parts = urlsplit(origin.lower())
        port = PORTS.get(parts.scheme)
        if port is None or not parts.netloc:
            return False  # `null` too: a page that hides where it is from
        host = headers.get("host", "").lower()
        return parts.netloc.removesuffix(port) == host.removesuffix(port)
