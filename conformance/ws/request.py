"""RestRequest: an HTTP request that a test makes beside its socket.

It is sent through httpx. Inside a test it is sent asynchronously, so that a slow
answer freezes neither the socket nor a timeout.
"""

from __future__ import annotations

import copy
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from conformance.ws.errors import WSExpectationError
from conformance.ws.frame import NOT_JSON, Frame, parse, shown
from conformance.ws.matchers import Matcher, agrees
from conformance.ws.message import WSMessage
from conformance.ws.paths import resolve
from conformance.ws.references import substitute
from conformance.ws.response import WSResponse
from conformance.ws.tls import client_context

if TYPE_CHECKING:
    import httpx


class RestRequest:
    """A request with a JSON body, and what is expected of its answer (nothing, at first)."""

    def __init__(self, uri: str, method: str) -> None:
        self.uri = uri
        self.method = method.casefold()
        self.headers: dict[str, Any] = {}
        self.body: dict[str, Any] = {}
        self.delay = 0.0
        self.triggers: list[WSMessage | RestRequest] = []
        self.captures: dict[str, str] = {}
        self.expected_status: int | Matcher | None = None
        self.expected_body = WSResponse()
        self.tls: ssl.SSLContext | None = None

    def with_header(self, key: str, value: Any) -> Self:
        """Add a header to the request."""
        self.headers[key] = value
        return self

    def with_body(self, body: dict[str, Any]) -> Self:
        """Send this as the JSON body; replaces an earlier one."""
        self.body = body
        return self

    def with_delay(self, seconds: float) -> Self:
        """Wait this long before sending."""
        self.delay = seconds
        return self

    def with_tls(self, context: ssl.SSLContext) -> Self:
        """Use this context for https, instead of the test's."""
        self.tls = context
        return self

    def with_trigger(self, message: WSMessage | RestRequest) -> Self:
        """Send this after the answer, its references taken from the answer's JSON."""
        self.triggers.append(message)
        return self

    def with_capture(self, name: str, path: str) -> Self:
        """Expect a value at this path of the answer and keep the first in `${$name}`."""
        self.expected_body.with_capture(name, path)
        self.captures[name] = path
        return self

    def expect_status(self, status: int | Matcher) -> Self:
        """Expect this status."""
        self.expected_status = status
        return self

    def expect_attribute(self, path: str, value: Any = None) -> Self:
        """Expect a value in the answer's JSON, as WSResponse.with_attribute does."""
        self.expected_body.with_attribute(path, value)
        return self

    def expect_text(self, text: str | Matcher) -> Self:
        """Expect this text as the answer's body."""
        self.expected_body.with_text(text)
        return self

    def resolve(self, parsed: Any, *, variables: Mapping[str, Any] | None = None) -> RestRequest:
        """A copy whose references in uri, headers and body are replaced."""
        known = variables or {}
        resolved = copy.copy(self)
        resolved.uri = str(substitute(self.uri, parsed, known))
        resolved.headers = substitute(self.headers, parsed, known)
        resolved.body = substitute(self.body, parsed, known)
        return resolved

    def send(self, timeout: float) -> httpx.Response:
        """Send it and wait, in this thread; a test itself uses send_async."""
        import httpx  # noqa: PLC0415 - a test without requests need not load it

        with httpx.Client(**self._client(None)) as client:
            return client.request(self.method, self.uri, timeout=timeout, **self._content())

    async def send_async(
        self, timeout: float, *, tls: ssl.SSLContext | None = None
    ) -> httpx.Response:
        """Send it; `tls` is used where the request has no context of its own.

        Raises TimeoutError where connecting, or a pause in the answer, takes longer than
        `timeout` seconds, and httpx.HTTPError for whatever else prevents it.
        """
        import httpx  # noqa: PLC0415 - a test without requests need not load it

        try:
            async with httpx.AsyncClient(**self._client(tls)) as client:
                return await client.request(
                    self.method, self.uri, timeout=timeout, **self._content()
                )
        except httpx.TimeoutException as error:
            raise TimeoutError(str(error)) from error

    def _client(self, tls: ssl.SSLContext | None) -> dict[str, Any]:
        # httpx's own default trusts certifi's list; this is what the socket trusts.
        return {"verify": self.tls or tls or client_context(), "follow_redirects": True}

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = {}
        if self.headers:
            content["headers"] = {key: str(value) for key, value in self.headers.items()}
        if self.body:
            content["json"] = self.body
        return content

    def judge(self, answer: httpx.Response, *, at: float) -> dict[str, Any]:
        """Hold the answer against what is expected; returns what it captures.

        Raises WSExpectationError, naming the first part that does not hold.
        """
        status = self.expected_status
        if status is not None and not agrees(status, answer.status_code):
            raise WSExpectationError(
                "expect_status",
                expected=shown(status),
                actual=f"{answer.status_code}, body {shown(answer.text)}",
                where=str(self),
            )
        frame = Frame(number=1, at=at, raw=answer.text, document=parse(answer.content))
        for each in self.expected_body.differences(frame):
            check = {"text": "expect_text", "document": "JSON"}.get(each.path, "expect_attribute")
            raise WSExpectationError(
                check,
                expected=f"{each.expected} at {each.path}",
                actual=" ".join(filter(None, [each.found, each.remark])),
                where=f"the answer to {self}, status {answer.status_code}",
            )
        if frame.document is NOT_JSON:
            return {}
        return {name: resolve(frame.document, path)[0] for name, path in self.captures.items()}

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.uri}"
