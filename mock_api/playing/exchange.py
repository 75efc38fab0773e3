"""The values that pass between a protocol and the application: requests and replies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from mock_api.language.reading import Reading
from mock_api.language.script import Script

WITHHELD = b"(withheld)"
SECRET_HEADERS = frozenset((b"authorization", b"proxy-authorization", b"x-api-key", b"api-key"))
"""Headers whose values are compared with the registered keys, if at all, and never kept."""


class Request:
    """One request, in HTTP/1.1 or HTTP/2."""

    __slots__ = ("body", "complete", "credential", "fields", "method", "pattern", "target")

    def __init__(
        self,
        method: str,
        target: str,
        fields: bytes,
        body: bytes,
        credential: bytes | None,
        pattern: str | None,
        complete: bool = True,
    ) -> None:
        self.method = method
        self.target = target
        """The path and the query."""
        self.fields = fields
        """Names in lower case and values, in turn, in order, joined with NUL.

        Secret values are withheld. One object costs the journal less than twenty.
        """
        self.body = body
        self.credential = credential
        """The value of Authorization, until the application has looked up its name."""
        self.pattern = pattern
        """The value of X-Test-Pattern; several values are joined with a comma."""
        self.complete = complete
        """Whether the body is complete; if not, the mock reads no more of it."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def headers(self) -> Iterator[tuple[bytes, bytes]]:
        """The header fields as pairs of name and value."""
        fields = self.fields.split(b"\0") if self.fields else []
        return zip(fields[::2], fields[1::2], strict=True)


def credential(name: bytes, value: bytes, present: bytes | None) -> bytes | None:
    """A request's credential after this secret field; `present` before it.

    An API key of Anthropic (x-api-key) or Azure (api-key) counts as a bearer's.
    """
    if name == b"authorization":
        return value
    if name in (b"x-api-key", b"api-key") and present is None:
        return b"Bearer " + value
    return present


def text(value: bytes) -> str:
    """Header bytes as text: UTF-8 if they are valid, else ISO 8859-1 (RFC 9110 5.5)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


class Reply:
    """The application's decision: the script to play, and facts for the journal."""

    __slots__ = ("journalled", "key", "pattern", "script", "source", "token")

    def __init__(
        self,
        script: Script,
        source: str = "none",
        token: str | None = None,
        pattern: str | None = None,
        key: str | None = None,
        journalled: bool = True,
    ) -> None:
        self.script = script
        self.source = source
        """Where the pattern was found: `header`, `model`, `prompt` or `none`."""
        self.token = token
        """The correlation token of the request's exchange."""
        self.pattern = pattern
        """The applied pattern; None for the ordinary answer and for errors."""
        self.key = key
        """The name under which the request's key is registered; None: not authorized."""
        self.journalled = journalled


class Later:
    """A reply that is not known yet. `answer` is called with it once, unless cancelled."""

    __slots__ = ("_cancel", "answer")

    def __init__(self) -> None:
        self.answer: Callable[[Script], None] | None = None
        """The protocol sets this; it sends the reply."""
        self._cancel: tuple[Callable[[], object], ...] = ()

    def on_end(self, *callbacks: Callable[[], object]) -> None:
        """Call these once, after the reply or when the client leaves."""
        self._cancel = callbacks

    def resolve(self, script: Script) -> None:
        """Answer now."""
        answer = self.answer
        self.cancel()
        if answer is not None:
            answer(script)

    def cancel(self) -> None:
        """The client left or has its answer."""
        self.answer = None
        callbacks, self._cancel = self._cancel, ()
        for callback in callbacks:
            callback()


class Application(Protocol):
    """What the protocols ask of the application."""

    def reply(self, request: Request) -> Reply | Later:
        """The reply to a request."""

    def reading(self, pattern: str) -> tuple[Reading, str | None] | None:
        """How to read a request with this X-Test-Pattern, and its token; None: as usual."""

    def refusal(self, status: int, reason: str) -> Reply:
        """The reply to bytes that are not a valid request."""
