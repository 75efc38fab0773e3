"""RestRequest: an HTTP request that a test sends in addition to its messages.

The test sends it asynchronously through httpx. A slow answer therefore delays neither the
messages nor the timeouts.
"""

from __future__ import annotations

import copy
import ssl
from collections.abc import Mapping
from typing import Any, Self

from conformance.ws.checked import checked, checked_seconds
from conformance.ws.content import Content, captured, differences
from conformance.ws.frame import Frame, parse, shown
from conformance.ws.matchers import Matcher, agrees
from conformance.ws.references import substitute
from conformance.ws.rest_answer import RestAnswer
from conformance.ws.rest_errors import translated
from conformance.ws.tls import client_context
from conformance.ws.ws_expectation_error import WSExpectationError
from conformance.ws.ws_message import WSMessage


class RestRequest:
    """A request with a JSON body. At first it expects nothing of its answer."""

    def __init__(self, uri: str, method: str) -> None:
        self.uri = uri
        self.method = method.casefold()
        self.headers: dict[str, Any] = {}
        self.body: dict[str, Any] = {}
        self.delay = 0.0
        self.triggers: list[WSMessage | RestRequest] = []
        self.expected_status: int | Matcher | None = None
        self.expected_body = Content()
        self.tls: ssl.SSLContext | None = None

    def with_header(self, key: str, value: Any) -> Self:
        """Add a header to the request."""
        self.headers[key] = value
        return self

    def with_body(self, body: dict[str, Any]) -> Self:
        """Send this as the JSON body; it replaces an earlier one."""
        self.body = body
        return self

    def with_delay(self, seconds: float) -> Self:
        """Wait this long before sending."""
        self.delay = checked_seconds("with_delay", seconds)
        return self

    def with_tls(self, context: ssl.SSLContext) -> Self:
        """Use this context for https instead of that of the test."""
        self.tls = checked("with_tls", context, ssl.SSLContext)
        return self

    def with_trigger(self, message: WSMessage | RestRequest) -> Self:
        """Send this after the answer; references read the JSON of the answer."""
        self.triggers.append(checked("with_trigger", message, WSMessage, RestRequest))
        return self

    def with_capture(self, name: str, path: str) -> Self:
        """Expect a value at this path of the answer, and keep the first one in `${$name}`."""
        self.expected_body.with_capture(name, path)
        return self

    def expect_status(self, status: int | Matcher) -> Self:
        """Expect this status."""
        self.expected_status = status
        return self

    def expect_attribute(self, path: str, value: Any = None) -> Self:
        """Expect a value in the JSON of the answer, as WSResponse.with_attribute does."""
        self.expected_body.with_attribute(path, value)
        return self

    def expect_text(self, text: str | Matcher) -> Self:
        """Expect this text as the body of the answer."""
        self.expected_body.with_text(text)
        return self

    def resolve(self, parsed: Any, *, variables: Mapping[str, Any] | None = None) -> RestRequest:
        """Return a copy whose references in uri, headers and body are replaced."""
        resolved = copy.copy(self)
        for name in ("uri", "headers", "body"):
            setattr(resolved, name, substitute(getattr(self, name), parsed, variables or {}))
        resolved.uri = str(resolved.uri)
        return resolved

    def send(self, timeout: float) -> RestAnswer:
        """Send it from this thread and wait; a test itself uses send_async."""
        import httpx  # noqa: PLC0415 - a test without requests does not load it

        with translated(str(self), self.uri), httpx.Client(**self._client(None)) as client:
            return RestAnswer(client.request(**self._arguments(timeout)))

    async def send_async(self, timeout: float, *, tls: ssl.SSLContext | None = None) -> RestAnswer:
        """Send it; `tls` serves a request without a context of its own.

        Raises RestTimeout, a TimeoutError, if connecting or a pause in the answer takes longer
        than `timeout` seconds, and another RestError if the request fails.
        """
        import httpx  # noqa: PLC0415 - a test without requests does not load it

        with translated(str(self), self.uri):
            async with httpx.AsyncClient(**self._client(tls)) as client:
                return RestAnswer(await client.request(**self._arguments(timeout)))

    def _client(self, tls: ssl.SSLContext | None) -> dict[str, Any]:
        # By default httpx trusts the list of certifi; a test trusts what its socket trusts.
        return {"verify": self.tls or tls or client_context(), "follow_redirects": True}

    def _arguments(self, timeout: float) -> dict[str, Any]:
        headers = {key: str(value) for key, value in self.headers.items()}
        arguments = {"method": self.method, "url": self.uri, "timeout": timeout}
        return arguments | {"headers": headers, "json": self.body or None}

    def judge(self, answer: RestAnswer, *, at: float) -> dict[str, Any]:
        """Compare the answer with the declaration; return the captured variables.

        Raises WSExpectationError for the first part that differs.
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
        for difference in differences(self.expected_body, frame):
            checks = {"text": "expect_text", "document": "JSON"}
            raise WSExpectationError(
                checks.get(difference.path, "expect_attribute"),
                expected=f"{difference.expected} at {difference.path}",
                actual=" ".join(filter(None, [difference.found, difference.remark])),
                where=f"the answer to {self}, status {answer.status_code}",
            )
        return captured(self.expected_body, frame.document)

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.uri}"
