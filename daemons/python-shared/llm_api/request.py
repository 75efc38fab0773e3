"""A request to the API."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the API; its address and key come from the connection pool."""

    body: bytes = b""
    """A JSON text; empty for GET."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Valid request headers to add, names in lower case."""
    method: bytes = b"POST"
    path: str = "/chat/completions"
    """The path below the base URL."""
    accept: bytes = b"text/event-stream"
    accept_encoding: bytes = b"identity"
