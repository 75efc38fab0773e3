"""The protection of browser sessions against other sites.

Scripts post forms without a token. Two browser mechanisms therefore keep other sites
out. The session's cookie is SameSite. A request that changes something names its page:
the website refuses an `Origin` or a `Sec-Fetch-Site` of another site with 403. A request
without both does not come from a page in a browser.

A header on every answer allows the website's own scripts and styles only. A name that
contains a script therefore stays text, even if a template does not escape it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
RULES = {
    # Results may show pictures and sound from other sites.
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
    """A middleware that refuses posts of other sites' pages and adds the headers."""

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
            refusal = PlainTextResponse(
                "Refused: a page of another site sent this request.\n", status_code=403
            )
            await refusal(scope, receive, rule)

    def trusts(self, headers: Headers) -> bool:
        """Whether a request that changes something comes from the website or from a script."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
        if origin.lower() in self._trusted:
            return True
        parts = urlsplit(origin.lower())
        port = PORTS.get(parts.scheme)
        if port is None or not parts.netloc:
            return False  # also `null`, which hides the page's site
        host = headers.get("host", "").lower()
        return parts.netloc.removesuffix(port) == host.removesuffix(port)
