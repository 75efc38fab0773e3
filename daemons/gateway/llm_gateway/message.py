"""A client's request and its response, independent of the HTTP version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from llm_api.failure import Failure
from llm_api.receiving import Sink

Fields = Sequence[tuple[str, str]]
"""Header fields: names in lower case, values in Latin-1."""


@dataclass(frozen=True, slots=True)
class Request:
    """A complete request of a client."""

    method: str
    path: str
    """Without the query, which may contain a key and is ignored."""
    headers: Mapping[str, str]
    """Names in lower case; equal names are joined by commas."""
    body: bytes


class Response(Sink, Protocol):
    """The response to a request; every call after the client has left does nothing."""

    def start(self, status: int, fields: Fields, *, length: int | None = None) -> None:
        """Send the head.

        length: of the body in bytes; None if it is not known yet.
        """

    def finish(self) -> None:
        """The body is complete: end the message."""

    def break_off(self) -> None:
        """The body ends without being complete; an error event was its last."""

    def cut(self) -> None:
        """The body ends without being complete, and only the framing can say so."""


class Exchange(Protocol):
    """A request that is being served."""

    def interrupt(self, failure: Failure) -> None:
        """End it with this failure, at whatever point it is. Does nothing when it has ended."""


class Service(Protocol):
    """The code that answers requests."""

    def serve(self, request: Request, response: Response) -> Exchange:
        """Begin to serve a request."""

    def refuse(self, failure: Failure, response: Response) -> None:
        """Answer a request that could not be read."""
