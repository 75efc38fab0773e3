"""RestAnswer: the answer to a REST request, with the interface of `requests.Response`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conformance.ws.frame import shown
from conformance.ws.rest_errors import RestStatusError, counterpart, rest_error

if TYPE_CHECKING:
    import httpx


class RestAnswer:
    """An answer. It has the usual attributes of `requests.Response`, and those of httpx's."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status_code = response.status_code
        self.reason = response.reason_phrase
        self.url = str(response.url)
        self.headers = response.headers
        self.content = response.content
        self.text = response.text
        self.history = [RestAnswer(redirection) for redirection in response.history]

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    def __bool__(self) -> bool:
        return self.ok

    def json(self, **options: Any) -> Any:
        """Parse the body. Raises JSONDecodeError: that of `requests`, if it is installed."""
        try:
            return json.loads(self.content, **options)
        except ValueError:
            kind = [*counterpart("JSONDecodeError"), json.JSONDecodeError][0]
            place = f"{self.request.method} {self.url}"
            text = f"expected JSON, found {shown(self.text)} ({place}); read .text instead"
            raise kind(text, self.text, 0) from None

    def raise_for_status(self) -> None:
        """Raise RestStatusError for a status of 400 or above."""
        if self.ok:
            return
        side = "Client" if self.status_code < 500 else "Server"
        actual = f"{self.status_code} {side} Error: {self.reason} for url: {self.url}"
        text = (
            f"expected a status below 400, found {actual} (body {shown(self.text)}); "
            "check the request, or expect this status with .expect_status"
        )
        request = self._response.request
        raise rest_error(RestStatusError, "HTTPError", text, request=request, response=self)

    def iter_content(self, chunk_size: int | None = 1) -> Iterator[bytes]:
        """Return the body in pieces of this many bytes."""
        size = chunk_size or max(len(self.content), 1)
        return (self.content[at : at + size] for at in range(0, len(self.content), size))

    def iter_lines(self) -> Iterator[bytes]:
        """Return the lines of the body."""
        return iter(self.content.splitlines())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy and pickle ask before `_response` exists
            raise AttributeError(name)
        return getattr(self._response, name)

    def __repr__(self) -> str:
        return f"<RestAnswer [{self.status_code}]>"
